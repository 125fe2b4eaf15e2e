//! What only shows on a log that is in use: members.

use super::*;
use kstreams::config::Config;
use kstreams::log::client::create_topics;
use kstreams::log::embedded::{EmbeddedLog, EmbeddedOptions};
use kstreams::log::{Consumer, ConsumerConfig, Log, NewTopic, OffsetAndMetadata, Offsets};
use kstreams::record::{Clock, ManualClock, TopicPartition};
use std::sync::Arc;

const TIMEOUT: Duration = Duration::from_secs(1);

struct Busy {
    log: Arc<EmbeddedLog>,
    clock: ManualClock,
    session: Session,
    directory: tempfile::TempDir,
}

/// A log with a topic and a group that has read it.
fn busy() -> (Busy, Box<dyn Consumer>) {
    let (clock, directory) = (ManualClock::new(0), tempfile::tempdir().unwrap());
    let log = EmbeddedLog::in_memory(EmbeddedOptions::with_clock(Arc::new(clock.clone())));
    create_topics(&*log, &[NewTopic::new("in", 1), NewTopic::new("app-s-changelog", 1)], TIMEOUT).unwrap();
    let config = Config::new("app", "embedded:").state_dir(directory.path());
    let session = Session::new(log.clone(), config, TIMEOUT);
    let offsets: Offsets = [(TopicPartition::new("in", 0), OffsetAndMetadata::new(0))].into();
    session.ask(|admin| admin.alter_offsets("app", &offsets)).unwrap();
    let config = ConsumerConfig { group: Some("app".into()), client_id: "app-1".into(), ..ConsumerConfig::default() };
    let mut member = log.consumer(&config).unwrap();
    member.subscribe(&["in".into()]).unwrap();
    member.poll_event(clock.now_ms()).unwrap();
    (Busy { log, clock, session, directory }, member)
}

fn args(force: bool) -> Args {
    Args {
        connection: ConnectionArgs::default(),
        input_topics: Vec::new(),
        internal_topics: Vec::new(),
        target: TargetArgs::default(),
        state_dir: None,
        force,
        execute: true,
        dry_run: false,
    }
}

impl Busy {
    fn reset(&self, force: bool) -> (String, Result<(), Failure>) {
        let mut out = Vec::new();
        let done = run_on(&self.session, &args(force), &mut out);
        (String::from_utf8(out).unwrap(), done)
    }

    fn has_changelog(&self) -> bool {
        let topics = self.session.ask(|admin| admin.topics()).unwrap();
        topics.iter().any(|info| info.topic.as_str() == "app-s-changelog")
    }
}

#[test]
fn nothing_is_changed_while_the_group_has_members() {
    let (busy, member) = busy();
    for force in [false, true] {
        let (said, done) = busy.reset(force);
        let error = done.unwrap_err().to_string();
        assert!(error.starts_with("group `app` has 1 member: app-1 (stop all instances"), "{error}");
        assert!(said.contains("app-s-changelog") && !said.contains("done"), "{said}");
        assert!(busy.has_changelog());
    }
    drop(member);
}

#[test]
fn forced_reset_goes_on_once_sessions_have_ended() {
    let (busy, member) = busy();
    drop(member);
    busy.clock.set_ms(3_600_000);
    busy.log.step(3_600_000).unwrap();
    let (said, done) = busy.reset(true);
    done.unwrap();
    assert!(said.ends_with("done\n"), "{said}");
    assert!(!busy.has_changelog());
    assert!(!busy.directory.path().join("app").exists(), "what is not there is not created");
}
