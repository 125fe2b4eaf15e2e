//! Processors with a store and a punctuation, on the wall clock and on stream time.

use crate::cases::{config, counted, rides};
use kstreams::config::Config;
use kstreams::dsl::StreamsBuilder;
use kstreams::error::Result;
use kstreams::operator::{Processor, ProcessorContext, PunctuationType};
use kstreams::record::Record;
use kstreams::serde::Wire;
use kstreams::store::{KeyValueStore, Stores};
use kstreams::testing::simulation::{Compare, Outcome, Simulation};
use std::collections::BTreeMap;
use std::time::Duration;

/// Remembers rides and reports them every hundred milliseconds of some time.
struct Reporter {
    every: PunctuationType,
    store: Option<KeyValueStore<String, i64>>,
}

type Context = ProcessorContext<String, i64>;

impl Processor<String, String, String, i64> for Reporter {
    fn init(&mut self, context: &Context) -> Result<()> {
        let store: KeyValueStore<String, i64> = context.state_store("pending")?;
        self.store = Some(store.clone());
        context.schedule(Duration::from_millis(100), self.every, move |context, time_ms| {
            for pending in store.all()? {
                let (station, rides) = pending?;
                store.put(&station, None)?;
                context.forward(Record::new(station, rides, time_ms))?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn process(&mut self, _: &Context, record: Record<String, String>) -> Result<()> {
        let store = self.store.as_ref().expect("init comes first");
        let before = store.get(&record.key)?.unwrap_or(0);
        store.put(&record.key, Some(before + 1))
    }
}

/// What a punctuation reports depends on when it runs; that every ride is in exactly one report does not.
pub fn by_wall_clock() -> Simulation {
    reported(PunctuationType::WallClockTime, config()).invariant("every ride is reported once", |outcome| {
        assert_eq!(reports(outcome)?, counted(outcome)?);
        Ok(())
    })
}

/// A task that moves schedules anew: what is reported when depends on that. What is not reported yet is in the store.
pub fn by_stream_time() -> Simulation {
    let simulation = reported(PunctuationType::StreamTime, config()).ignore_store("pending");
    simulation.invariant("every ride is reported once, or pending", |outcome| {
        let mut rides = reports(outcome)?;
        for store in outcome.store::<KeyValueStore<String, i64>>("pending")? {
            for pending in store.all()? {
                let (station, pending) = pending?;
                *rides.entry(station).or_insert(0) += pending;
            }
        }
        assert_eq!(rides, counted(outcome)?);
        Ok(())
    })
}

fn reported(every: PunctuationType, config: Config) -> Simulation {
    let builder = StreamsBuilder::new();
    let pending = Stores::persistent_key_value_store("pending");
    builder.add_state_store(Stores::key_value_store_builder(pending, String::format(), i64::format()));
    let rides_of_stations = builder.stream::<String, String>("rides");
    rides_of_stations.process(move || Reporter { every, store: None }, &["pending"]).to("reports");
    let topology = builder.build().expect("the topology is right");
    Simulation::new(&topology, config).topic("rides", 3).output("reports", 2, Compare::Nothing).input("rides", rides)
}

fn reports(outcome: &Outcome<'_>) -> Result<BTreeMap<String, i64>> {
    let mut reports = BTreeMap::new();
    for report in outcome.records::<String, i64>("reports")? {
        *reports.entry(report.key).or_insert(0) += report.value;
    }
    Ok(reports)
}
