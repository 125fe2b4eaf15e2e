//! Small programs of several steps.

use super::Text;
use super::stateless::java_split;
use kstreams::dsl::StreamsBuilder;
use kstreams::error::Result;
use kstreams::topology::Topology;

pub fn composed_word_count() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .filter(|_, v| v.is_some())
        .flat_map_values(|v: Text| java_split(&v.unwrap_or_default()))
        .group_by(|_, word| word.clone())
        .count("counts")
        .filter(|_, count| count % 2 == 0)
        .to_stream()
        .to("out");
    b.build()
}
