//! From one step to the next.

use super::Work;
use kstreams::dsl::StreamsBuilder;
use kstreams::testing::TopologyTestDriver;

pub const EDGES: usize = 2_000;

/// Steps in a row: one record passes so many edges that reading and committing it is little beside them. What is
/// counted as a record is an edge.
pub struct Edges {
    driver: TopologyTestDriver,
}

impl Edges {
    pub fn new() -> Self {
        let builder = StreamsBuilder::new();
        let mut stream = builder.stream::<i64, i64>("in");
        for _ in 0..EDGES {
            stream = stream.map_values(|value| value + 1);
        }
        stream.filter(|_, value| *value < 0).to("out");
        let topology = builder.build().expect("the topology is whole");
        Edges { driver: TopologyTestDriver::new(&topology).expect("it needs nothing") }
    }
}

impl Work for Edges {
    fn run(&mut self) {
        self.driver.input("in").pipe(1_i64, 1_i64).expect("nothing fails");
    }
}
