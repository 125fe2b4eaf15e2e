//! Processors: contexts, punctuations, forwarding.

use super::{Text, java};
use kstreams::dsl::{Consumed, Repartitioned, StreamsBuilder};
use kstreams::error::Result;
use kstreams::operator::{
    Cancellable, FixedKeyProcessorContext, FixedKeyRecord, Processor, ProcessorContext, PunctuationType,
};
use kstreams::record::{Headers, Record};
use kstreams::serde::Format;
use kstreams::store::{KeyValueStore, Stores};
use kstreams::topology::Topology;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

type Context = ProcessorContext<Text, Text>;
type TextRecord = Record<Text, Text>;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn some(text: impl ToString) -> Text {
    Some(text.to_string())
}

pub fn papi_commit() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let processor = || {
        |context: &Context, record: TextRecord| {
            context.forward(record.clone().with_value(some("before")))?;
            context.commit();
            context.forward(record.with_value(some("after")))
        }
    };
    b.stream::<Text, Text>("in").process(processor, &[]).to("out");
    b.build()
}

/// Forwards what the context says, a millisecond later.
fn show(context: &Context, record: TextRecord) -> Result<()> {
    let source = context.record_metadata().expect("a record was read");
    let before = record.value.as_deref().filter(|value| value.starts_with("conf"));
    let shown = format!(
        "{}{} {} {}-{}-{} st {} now {} ts {} h {}",
        before.map(|before| format!("{before} / ")).unwrap_or_default(),
        context.application_id(),
        context.task_id(),
        source.topic,
        source.partition,
        source.offset,
        context.current_stream_time_ms(),
        context.current_system_time_ms(),
        record.timestamp,
        record.headers.len(),
    );
    let timestamp = record.timestamp + 1;
    context.forward(record.with_value(some(shown)).with_timestamp(timestamp))
}

pub fn papi_context() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>(Consumed::topics(["one", "two"]))
        .process(|| show, &[])
        .named("p1")
        .process(|| show, &[])
        .named("p2")
        .to("out");
    b.build()
}

pub fn papi_forward_unknown_child() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let processor = || {
        |context: &Context, record: TextRecord| match record.key.as_deref() {
            Some("b") => context.forward_to(record, "nobody"),
            _ => context.forward(record),
        }
    };
    b.stream::<Text, Text>("in").process(processor, &[]).to("out");
    b.build()
}

pub fn papi_negative_timestamp() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let processor = || {
        |context: &Context, record: TextRecord| {
            let timestamp = record.timestamp - 5;
            context.forward(record.with_timestamp(timestamp))
        }
    };
    b.stream::<Text, Text>("in").process(processor, &[]).to("out");
    b.build()
}

/// A punctuation that forwards its time under a name.
fn announce(name: &str) -> impl FnMut(&Context, i64) -> Result<()> + 'static {
    let key = some(name);
    move |context, time_ms| context.forward(Record::new(key.clone(), some(time_ms), time_ms))
}

/// Schedules that are cancelled from outside and from within.
#[derive(Default)]
struct Schedules {
    first: Option<Cancellable>,
    started: u32,
}

impl Processor<Text, Text, Text, Text> for Schedules {
    fn init(&mut self, context: &Context) -> Result<()> {
        self.first = Some(context.schedule(ms(70), PunctuationType::StreamTime, announce("first"))?);
        let (own, of_callback) = (Rc::new(RefCell::new(None::<Cancellable>)), Cell::new(0));
        let (handle, mut announce_self) = (own.clone(), announce("self"));
        let cancellable = context.schedule(ms(50), PunctuationType::StreamTime, move |context, time_ms| {
            announce_self(context, time_ms)?;
            of_callback.set(of_callback.get() + 1);
            if of_callback.get() == 3 {
                handle.borrow().iter().for_each(Cancellable::cancel);
            }
            Ok(())
        })?;
        own.replace(Some(cancellable));
        context.schedule(ms(500), PunctuationType::WallClockTime, announce("wall"))?;
        Ok(())
    }

    fn process(&mut self, context: &Context, record: TextRecord) -> Result<()> {
        match record.value.as_deref() {
            Some("stop") => self.first.iter().for_each(Cancellable::cancel),
            Some("start") if self.started < 2 => {
                self.started += 1;
                let name = format!("new{}", self.started);
                context.schedule(ms(90), PunctuationType::StreamTime, announce(&name))?;
            }
            _ => {}
        }
        Ok(())
    }
}

pub fn papi_punctuate_cancel() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").process(Schedules::default, &[]).to("out");
    b.build()
}

type TextStore = KeyValueStore<String, String>;

/// Collects values per key until a punctuation sends them.
struct Collects;

fn send_collected(why: &'static str) -> impl FnMut(&Context, i64) -> Result<()> {
    move |context, time_ms| {
        let store = context.state_store::<TextStore>("buf")?;
        for row in store.all()? {
            let (key, value) = row?;
            let headers: Headers = [("why", Some(why.as_bytes()))].into_iter().collect();
            context.forward(Record::new(some(&key), Some(value), time_ms).with_headers(headers))?;
            store.delete(&key)?;
        }
        Ok(())
    }
}

impl Processor<Text, Text, Text, Text> for Collects {
    fn init(&mut self, context: &Context) -> Result<()> {
        context.schedule(ms(1000), PunctuationType::WallClockTime, send_collected("wall"))?;
        context.schedule(ms(150), PunctuationType::StreamTime, send_collected("stream"))?;
        Ok(())
    }

    fn process(&mut self, context: &Context, record: TextRecord) -> Result<()> {
        let store = context.state_store::<TextStore>("buf")?;
        let key = record.key.expect("the file has no null keys");
        let value = match (store.get(&key)?, record.value) {
            (_, None) => None,
            (None, value) => value,
            (Some(old), Some(value)) => Some(format!("{old},{value}")),
        };
        store.put(&key, value)
    }
}

pub fn papi_punctuate_store() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let supplier = Stores::in_memory_key_value_store("buf");
    b.add_state_store(Stores::key_value_store_builder(supplier, Format::string(), Format::string()));
    b.stream::<Text, Text>("in").process(|| Collects, &["buf"]).to("out");
    b.build()
}

/// Counts records and tells in a punctuation.
struct Tells {
    seen: Rc<Cell<u32>>,
    kind: PunctuationType,
}

impl Processor<Text, Text, Text, Text> for Tells {
    fn init(&mut self, context: &Context) -> Result<()> {
        let (seen, kind) = (self.seen.clone(), self.kind);
        let interval = match kind {
            PunctuationType::StreamTime => ms(100),
            PunctuationType::WallClockTime => ms(300),
        };
        context.schedule(interval, kind, move |context, time_ms| {
            let (seen, stream_time) = (seen.get(), context.current_stream_time_ms());
            let told = match kind {
                PunctuationType::StreamTime => {
                    format!("seen {seen} st {stream_time} meta {}", context.record_metadata().is_some())
                }
                PunctuationType::WallClockTime => {
                    format!("seen {seen} now {} st {stream_time}", context.current_system_time_ms())
                }
            };
            context.forward(Record::new(some("punctuate"), Some(told), time_ms))
        })?;
        Ok(())
    }

    fn process(&mut self, context: &Context, record: TextRecord) -> Result<()> {
        self.seen.set(self.seen.get() + 1);
        if self.kind == PunctuationType::StreamTime {
            let stream_time = context.current_stream_time_ms();
            context.forward(record.with_value(some(format!("st {stream_time}"))))?;
        }
        Ok(())
    }
}

fn tells(kind: PunctuationType) -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in").process(move || Tells { seen: Rc::default(), kind }, &[]).to("out");
    b.build()
}

pub fn papi_punctuate_stream_time() -> Result<Topology> {
    tells(PunctuationType::StreamTime)
}

pub fn papi_punctuate_wall_clock() -> Result<Topology> {
    tells(PunctuationType::WallClockTime)
}

pub fn process_cached_flush_order() -> Result<Topology> {
    let b = StreamsBuilder::new();
    b.stream::<Text, Text>("in")
        .filter(|_, v| v.is_some())
        .flat_map(|k: Text, v: Text| {
            let each = move |c: char| (c.to_string(), format!("{}{c}", java(&k)));
            java(&v).chars().map(each).collect::<Vec<_>>()
        })
        .repartition_with(Repartitioned::named("r"))
        .map_values(|v| v)
        .group_by_key()
        .reduce(|x: String, y: String| y + &x[..1], "reduce-store")
        .map_values(|v| format!("[{v}]"))
        .to_stream()
        .to("out");
    b.build()
}

pub fn process_forward_child() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let processor = || {
        |context: &Context, record: TextRecord| match record.key.as_deref() {
            Some("a") => context.forward_to(record, "second"),
            Some("b") => context.forward_to(record, "first"),
            Some(_) => context.forward(record),
            None => Ok(()),
        }
    };
    let processed = b.stream::<Text, Text>("in").process(processor, &[]).named("proc");
    processed.clone().map_values(|v| format!("1:{}", java(&v))).named("first").to("out");
    processed.map_values(|v| format!("2:{}", java(&v))).named("second").to("out");
    b.build()
}

pub fn process_forward_several() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let processor = || {
        |context: &Context, record: TextRecord| {
            context.forward(record.clone())?;
            let later = record.timestamp + 5;
            context.forward(record.clone().with_key(some("k2")).with_timestamp(later))?;
            let mut headers = record.headers.clone();
            headers.push("added", Some(&[1, 2]));
            let value = some(format!("v2:{}", java(&record.value)));
            context.forward(record.clone().with_headers(headers).with_value(value))?;
            context.forward(record.with_value(None))
        }
    };
    b.stream::<Text, Text>("in").process(processor, &[]).to("out");
    b.build()
}

pub fn process_then_group() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let input = b.stream::<Text, Text>("in");
    input
        .clone()
        .process(|| |context: &Context, record: TextRecord| context.forward(record), &[])
        .group_by_key()
        .count(())
        .to_stream()
        .to("out1");
    let fixed =
        || |context: &FixedKeyProcessorContext<Text, Text>, record: FixedKeyRecord<Text, Text>| context.forward(record);
    input.process_values(fixed, &[]).group_by_key().count(()).to_stream().to("out2");
    b.build()
}

pub fn process_values() -> Result<Topology> {
    let b = StreamsBuilder::new();
    let processor = || {
        |context: &FixedKeyProcessorContext<Text, Text>, record: FixedKeyRecord<Text, Text>| {
            let Some(value) = record.value().clone() else { return Ok(()) };
            let offset = context.record_metadata().map_or(-1, |source| source.offset);
            context.forward(record.clone().with_value(Some(format!("{value}@{offset}"))))?;
            let later = record.timestamp() + 1000;
            context.forward(record.with_timestamp(later))
        }
    };
    b.stream::<Text, Text>("in").process_values(processor, &[]).named("fixed").to("out");
    b.build()
}
