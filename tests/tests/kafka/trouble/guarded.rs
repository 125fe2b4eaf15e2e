//! A listener that encrypts, asks for a password and has rules of access: whom it lets in, and what the others are told.

use super::access::{self, GROUP, TOPIC, TRANSACTIONAL_ID};
use super::authority::sign;
use super::listing;
use super::programs::{last_sentence, turnstiles};
use crate::words::Words;
use crate::world::World;
use kstreams::config::Config;
use kstreams::error::{Error, ErrorKind};
use kstreams::log::connect_with;
use kstreams::record::SystemClock;
use std::io::Write;
use std::sync::{Arc, OnceLock};
use system_tests::kafka::Broker;

/// `boss` may do anything, `guest` what a test allows, `known` nothing.
const USERS: [(&str, &str); 3] = [("boss", "boss-secret"), ("guest", "guest-secret"), ("known", "known-secret")];

struct Guarded {
    broker: Broker,
    authority: String,
}

/// The broker of all tests here. Its listener without a guard is for what is not tested.
fn guarded() -> Option<&'static Guarded> {
    static GUARDED: OnceLock<Option<Guarded>> = OnceLock::new();
    // Every test that is skipped says so, and does not ask for `openssl` first.
    Broker::shared()?;
    GUARDED.get_or_init(start).as_ref()
}

fn start() -> Option<Guarded> {
    let signed = sign();
    let escaped = |pem: &str| pem.replace('\n', "\\n");
    let users = USERS.map(|(name, password)| format!("user_{name}=\"{password}\""));
    let plain = format!("org.apache.kafka.common.security.plain.PlainLoginModule required {};", users.join(" "));
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let properties = [
        ("listener.name.guarded.ssl.keystore.type", "PEM"),
        ("listener.name.guarded.ssl.keystore.key", &escaped(&signed.key)),
        ("listener.name.guarded.ssl.keystore.certificate.chain", &escaped(&signed.certificate)),
        ("listener.name.guarded.sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256"),
        ("listener.name.guarded.plain.sasl.jaas.config", &plain),
        ("listener.name.guarded.scram-sha-256.sasl.jaas.config", scram),
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:ANONYMOUS;User:boss"),
    ];
    let broker = Broker::start_guarded("SASL_SSL", &USERS, &properties)?;
    Some(Guarded { broker, authority: signed.authority })
}

impl Guarded {
    /// The authority's certificate as a file, for as long as a test holds it.
    fn authority(&self) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(self.authority.as_bytes()).expect("it is ours");
        file
    }

    fn world(&self, properties: &str) -> World {
        let config = Config::from_properties(properties).unwrap();
        World::real(connect_with(&self.broker.guarded_url(), &config.clients, Arc::new(SystemClock)).unwrap())
    }

    /// What an application ends with that runs with these rights and this password.
    fn refused(&self, words: &Words, keys: &str) -> Error {
        words.ended(&format!("kstreams.url={}\n{keys}", self.broker.guarded_url()))
    }
}

fn login(mechanism: &str, name: &str, password: &str) -> String {
    format!(
        "security.protocol=SASL_SSL\nsasl.mechanism={mechanism}\nsasl.username={name}\nsasl.password={password}\n\
         task.timeout.ms=20000\n"
    )
}

fn trusting(authority: &tempfile::NamedTempFile, keys: &str) -> String {
    format!("ssl.ca.location={}\n{keys}", authority.path().display())
}

#[test]
fn right_certificate_and_password_count_every_word() {
    let Some(guarded) = guarded() else { return };
    let authority = guarded.authority();
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        let words = Words::on(&guarded.broker);
        let keys = trusting(&authority, &login(mechanism, "boss", "boss-secret"));
        words.counted(&format!("kstreams.url={}\n{keys}", guarded.broker.guarded_url()));
    }
}

#[test]
fn wrong_password_is_said_to_be_refused_and_not_shown() {
    let Some(guarded) = guarded() else { return };
    let authority = guarded.authority();
    for (mechanism, name) in [("PLAIN", "boss"), ("SCRAM-SHA-256", "boss"), ("PLAIN", "nobody")] {
        let keys = trusting(&authority, &login(mechanism, name, "hush"));
        let error = listing(&guarded.world(&keys));
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{mechanism}: {error}");
        let said = error.to_string();
        assert!(said.starts_with("the brokers refused the credentials"), "{said}");
        assert!(said.contains("sasl.username") && !said.contains("hush"), "{said}");
    }
}

#[test]
fn unknown_authority_ends_an_application_with_where_to_name_it() {
    let Some(guarded) = guarded() else { return };
    let error = guarded.refused(&Words::on(&guarded.broker), &login("PLAIN", "boss", "boss-secret"));
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    let said = error.to_string();
    assert!(said.contains("the certificate of the brokers is not trusted"), "{said}");
    assert!(said.contains("`ssl.ca.location`"), "{said}");
}

#[test]
fn client_that_does_not_encrypt_is_told_to() {
    let Some(guarded) = guarded() else { return };
    let error = listing(&guarded.world(""));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.hint().is_some_and(|hint| hint.contains("`security.protocol`")), "{error}");
}

#[test]
fn client_that_encrypts_where_nobody_does_is_told_not_to() {
    let Some(guarded) = guarded() else { return };
    let config = Config::from_properties("security.protocol=SSL").unwrap();
    let log = connect_with(&guarded.broker.url(), &config.clients, Arc::new(SystemClock)).unwrap();
    let error = listing(&World::real(log));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.hint().is_some_and(|hint| hint.starts_with("set `security.protocol` to what")), "{error}");
}

#[test]
fn application_without_rights_is_told_which_it_lacks_one_after_the_other() {
    let Some(guarded) = guarded() else { return };
    let authority = guarded.authority();
    let words = Words::on(&guarded.broker);
    let keys = trusting(&authority, &login("SCRAM-SHA-256", "guest", "guest-secret"));
    let lacks = |what: &str| {
        let error = guarded.refused(&words, &keys);
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{what}: {error}");
        assert!(error.to_string().contains(what), "{what}: {error}");
        assert!(error.to_string().contains("allow this client's principal to"), "{error}");
    };
    let servers = guarded.broker.servers();
    lacks(&format!("the brokers do not allow what is to be done with topic `{}`", words.topic("in")));
    access::allow(servers, "guest", TOPIC, "in-of-");
    lacks(&format!("the brokers do not allow what is to be done with topic `{}`", words.topic("out")));
    access::allow(servers, "guest", TOPIC, "out-of-");
    lacks(&format!("the brokers do not allow what is to be done with topic `{}-", words.app));
    access::allow(servers, "guest", TOPIC, "words-");
    lacks(&format!("the brokers do not allow what is to be done with transactional id `{}-", words.app));
    access::allow(servers, "guest", TRANSACTIONAL_ID, "words-");
    lacks(&format!("the brokers do not allow what is to be done with group `{}", words.app));
    access::allow(servers, "guest", GROUP, "words-");
    words.counted(&format!("kstreams.url={}\n{keys}", guarded.broker.guarded_url()));
}

#[test]
fn program_with_a_wrong_password_fails_and_says_so() {
    let Some(guarded) = guarded() else { return };
    let authority = guarded.authority();
    let authority = authority.path().display().to_string();
    let variables = [
        ("KSTREAMS_SECURITY_PROTOCOL", "SASL_SSL"),
        ("KSTREAMS_SSL_CA_LOCATION", &*authority),
        ("KSTREAMS_SASL_MECHANISM", "PLAIN"),
        ("KSTREAMS_SASL_USERNAME", "boss"),
        ("KSTREAMS_SASL_PASSWORD", "hush"),
    ];
    let said = last_sentence(&turnstiles(&guarded.broker.guarded_url(), &variables));
    assert!(said.starts_with("creating topics: the brokers refused the credentials"), "{said}");
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn tool_without_rights_fails_and_says_so() {
    let Some(guarded) = guarded() else { return };
    let authority = guarded.authority();
    let words = Words::on(&guarded.broker);
    words.counted(&format!("kstreams.url={}", guarded.broker.url()));
    let keys = trusting(&authority, &login("SCRAM-SHA-256", "known", "known-secret"));
    for command in ["lag", "describe"] {
        let (is_usage, said) = words.tool(command, &["--url", &guarded.broker.guarded_url()], &keys).unwrap_err();
        assert!(!is_usage && said.contains("the brokers do not allow"), "{command}: {said}");
    }
    let keys = trusting(&authority, &login("PLAIN", "known", "hush"));
    let (is_usage, said) = words.tool("lag", &["--url", &guarded.broker.guarded_url()], &keys).unwrap_err();
    assert!(!is_usage && said.starts_with("the brokers refused the credentials"), "{said}");
}
