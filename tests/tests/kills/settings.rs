//! How a round runs: which topology, how its instances are configured, on how many brokers.

use crate::verdict::Exactness;
use clap::ValueEnum;
use kstreams::testing::simulation::Random;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Topology {
    /// Transit's riders by station, and by hour
    Turnstiles,
    /// Two repartitions and a join with a table
    Chain,
}

/// The protocol of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    Classic,
    Consumer,
}

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Guarantee {
    ExactlyOnce,
    AtLeastOnce,
}

/// Whether members keep a name while they are away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Members {
    Dynamic,
    Static,
}

/// Where stores are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    #[cfg(feature = "rocksdb")]
    Rocksdb,
    Fjall,
}

/// A round's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    pub topology: Topology,
    pub protocol: Protocol,
    pub guarantee: Guarantee,
    pub engine: Engine,
    pub brokers: u8,
    pub is_cached: bool,
    pub is_static: bool,
    /// Messages a second.
    pub rate: u64,
    /// After so long without a sign an instance is dead.
    pub session_ms: u64,
    /// How long input goes on when the plan is done.
    pub rest_ms: u64,
    /// Every event is printed.
    pub is_told: bool,
}

impl Settings {
    /// Settings that the seed decides.
    pub fn drawn(seed: u64, rate: u64) -> Settings {
        // Not the numbers that the plan is drawn with.
        let mut random = Random::new(seed ^ 0x5e77_1465);
        Settings {
            topology: *random.pick(Topology::value_variants()),
            protocol: *random.pick(Protocol::value_variants()),
            guarantee: if random.chance(1, 6) { Guarantee::AtLeastOnce } else { Guarantee::ExactlyOnce },
            engine: *random.pick(Engine::value_variants()),
            brokers: *random.pick(&[1, 3]),
            is_cached: random.chance(1, 4),
            is_static: random.chance(1, 4),
            rate,
            session_ms: 4_000,
            rest_ms: 2_000,
            is_told: false,
        }
    }

    pub fn exactness(&self) -> Exactness {
        match (self.guarantee, self.is_cached) {
            (Guarantee::AtLeastOnce, _) => Exactness::AtLeast,
            (Guarantee::ExactlyOnce, true) => Exactness::Latest,
            (Guarantee::ExactlyOnce, false) => Exactness::EveryUpdate,
        }
    }

    /// How many brokers may be lost, one at a time. Not the only one while there are transactions: when Kafka 4.3.1 starts again,
    /// its coordinator may find topics without a leader, take them for deleted, and never end what is open in them.
    pub fn may_be_lost(&self) -> u8 {
        if self.brokers == 1 && self.guarantee == Guarantee::ExactlyOnce { 0 } else { self.brokers }
    }

    /// Whether instances may stand still for longer than their sessions. Not under at-least-once: nothing fences what a zombie had
    /// queued, in Kafka Streams neither, and the last count of a key may be an old one then.
    pub fn may_outlive_sessions(&self) -> bool {
        self.guarantee == Guarantee::ExactlyOnce
    }

    /// The configuration of its instances.
    pub fn config(&self, registry: Option<&str>) -> Vec<(String, String)> {
        let guarantee = match self.guarantee {
            Guarantee::ExactlyOnce => "exactly_once_v2",
            Guarantee::AtLeastOnce => "at_least_once",
        };
        let transaction_ms = (self.session_ms - 1_000).to_string();
        let session_ms = self.session_ms.to_string();
        let mut config = vec![
            ("processing.guarantee", guarantee),
            ("commit.interval.ms", "100"),
            ("num.stream.threads", "2"),
            ("kstreams.engine", self.engine.word()),
            ("statestore.cache.max.bytes", if self.is_cached { "100000" } else { "0" }),
            ("session.timeout.ms", &session_ms),
            ("transaction.timeout.ms", &transaction_ms),
            ("consumer.heartbeat.interval.ms", "500"),
            ("consumer.group.protocol", self.protocol.word()),
        ];
        config.extend(registry.map(|registry| ("schema.registry.url", registry)));
        config.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// The settings in words, for a table.
    pub fn words(&self) -> [String; 5] {
        let topology = if self.topology == Topology::Chain { "chain" } else { "turnstiles" };
        let guarantee = match (self.exactness(), self.is_static) {
            (Exactness::EveryUpdate, false) => "exactly once",
            (Exactness::EveryUpdate, true) => "exactly once, static",
            (Exactness::Latest, false) => "exactly once, cached",
            (Exactness::Latest, true) => "exactly once, cached, static",
            (Exactness::AtLeast, false) => "at least once",
            (Exactness::AtLeast, true) => "at least once, static",
        };
        [topology, self.protocol.word(), self.engine.word(), guarantee]
            .map(str::to_owned)
            .into_iter()
            .chain([self.brokers.to_string()])
            .collect::<Vec<_>>()
            .try_into()
            .expect("there are five")
    }
}

impl Protocol {
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Classic => "classic",
            Protocol::Consumer => "consumer",
        }
    }
}

impl Engine {
    fn word(self) -> &'static str {
        match self {
            #[cfg(feature = "rocksdb")]
            Engine::Rocksdb => "rocksdb",
            Engine::Fjall => "fjall",
        }
    }
}
