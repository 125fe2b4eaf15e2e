//! What is handed on to Kafka's clients and to the schema registry's.

use std::collections::BTreeMap;
use std::fmt;

/// Keys for Kafka's clients, under Kafka's own names: `security.protocol`, `sasl.mechanism`, `fetch.max.bytes`.
/// The embedded log needs none of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientKeys {
    /// For every client.
    pub common: BTreeMap<String, String>,
    /// For consumers; in files with the prefix `consumer.`.
    pub consumer: BTreeMap<String, String>,
    /// For the consumer that restores; in files with the prefix `restore.consumer.`.
    pub restore_consumer: BTreeMap<String, String>,
    /// For the consumer of global tables; in files with the prefix `global.consumer.`.
    pub global_consumer: BTreeMap<String, String>,
    /// For producers; in files with the prefix `producer.`.
    pub producer: BTreeMap<String, String>,
    /// For the admin client; in files with the prefix `admin.`.
    pub admin: BTreeMap<String, String>,
}

/// The clients that a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientSide {
    Common,
    Consumer,
    RestoreConsumer,
    GlobalConsumer,
    Producer,
    Admin,
}

impl ClientKeys {
    pub(super) fn side_mut(&mut self, side: ClientSide) -> &mut BTreeMap<String, String> {
        match side {
            ClientSide::Common => &mut self.common,
            ClientSide::Consumer => &mut self.consumer,
            ClientSide::RestoreConsumer => &mut self.restore_consumer,
            ClientSide::GlobalConsumer => &mut self.global_consumer,
            ClientSide::Producer => &mut self.producer,
            ClientSide::Admin => &mut self.admin,
        }
    }
}

/// Where the schema registry is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RegistryConfig {
    /// `http://host:port`; several are separated by commas and tried in turn.
    pub url: String,
    /// User and password.
    pub basic_auth: Option<(String, String)>,
}

impl fmt::Debug for RegistryConfig {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.basic_auth.as_ref().map(|(user, _)| user);
        f.debug_struct("RegistryConfig").field("url", &self.url).field("user", &user).finish_non_exhaustive()
    }
}
