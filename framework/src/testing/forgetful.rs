//! A topology with a mistake, for tests of what finds mistakes: it does not survive a crash.

use crate::dsl::StreamsBuilder;
use crate::operator::{FixedKeyProcessorContext, FixedKeyRecord};
use crate::topology::Topology;

/// Numbers the records of `rides`, and keeps the number in a field instead of a store.
pub(in crate::testing) fn forgetful() -> Topology {
    type Context = FixedKeyProcessorContext<i64, i64>;
    let number = || {
        let mut seen = 0;
        move |context: &Context, ride: FixedKeyRecord<i64, i64>| {
            seen += 1;
            context.forward(ride.with_value(seen))
        }
    };
    let builder = StreamsBuilder::new();
    builder.stream::<i64, i64>("rides").process_values(number, &[]).to("totals");
    builder.build().expect("the topology is right")
}
