//! The client of Confluent's schema registry.
//!
//! Callers never wait: a question that is not in the cache goes to a thread of its own, and the answer is `Pending`
//! until it is there. What may pass (no connection, a server error) is tried again with growing pauses, a limited
//! number of times; answers and refusals are kept, also in limited number.

use crate::config::RegistryConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::serde::Registry;
use schema_registry_converter::async_impl::schema_registry::{SrSettings, get_schema_by_id, post_schema};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, SchemaType, SuppliedSchema};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Questions that wait for the thread; more are `Pending` and asked again later.
const QUEUE_MAX: usize = 1_000;

/// Questions under way at one time.
const UNDER_WAY_MAX: usize = 16;

/// Answers that are kept. When there are more, all are forgotten and asked for again.
const ANSWERS_MAX: usize = 10_000;

/// How often one question is tried before it is answered with a timeout.
const ATTEMPTS_MAX: u32 = 6;

/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// A schema registry over HTTP.
///
/// ```no_run
/// use kstreams::config::RegistryConfig;
/// use kstreams::serde::{Registry, registry::HttpRegistry};
///
/// let registry = HttpRegistry::new(&RegistryConfig { url: "http://localhost:8081".into(), basic_auth: None })?;
/// match registry.schema(1) {
///     Ok(schema) => println!("{schema}"),
///     Err(error) => println!("{error}"), // `Pending` until the server has answered
/// }
/// # Ok::<(), kstreams::error::Error>(())
/// ```
pub struct HttpRegistry {
    answers: Arc<Mutex<Answers>>,
    questions: mpsc::Sender<Question>,
    /// Dropping it ends the thread.
    alive: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Register { subject: String, schema: String },
    Schema { id: u32 },
}

#[derive(Clone)]
enum Answer {
    Asked,
    Id(u32),
    Schema(Arc<str>),
    Refused(Refusal),
}

/// An error that can be given more than once.
#[derive(Clone)]
struct Refusal {
    kind: ErrorKind,
    message: String,
    detail: String,
}

type Answers = BTreeMap<Question, Answer>;

impl HttpRegistry {
    /// Starts the client's thread; connects when first asked.
    ///
    /// # Errors
    /// `Config` if the address is none; `Io` if the thread cannot be started.
    pub fn new(config: &RegistryConfig) -> Result<Self> {
        let settings = settings(config)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answers = Arc::new(Mutex::new(Answers::new()));
        let (questions, queue) = mpsc::channel(QUEUE_MAX);
        let (alive, stop) = oneshot::channel();
        let client = Client { settings, answers: answers.clone() };
        let thread = std::thread::Builder::new().name("schema-registry".into()).spawn(move || {
            runtime.block_on(client.run(queue, stop));
            runtime.shutdown_background();
        })?;
        Ok(HttpRegistry { answers, questions, alive: Some(alive), thread: Some(thread) })
    }

    fn ask(&self, question: Question) -> Result<Answer> {
        let mut answers = lock(&self.answers);
        match answers.get(&question).cloned() {
            Some(Answer::Asked) => Err(pending()),
            Some(Answer::Refused(refusal)) => {
                if refusal.kind == ErrorKind::Timeout {
                    answers.remove(&question);
                }
                Err(refusal.error())
            }
            Some(answer) => Ok(answer),
            None => {
                if answers.len() >= ANSWERS_MAX {
                    answers.retain(|_, answer| matches!(answer, Answer::Asked));
                }
                if self.questions.try_send(question.clone()).is_ok() {
                    answers.insert(question, Answer::Asked);
                }
                Err(pending())
            }
        }
    }
}

impl Registry for HttpRegistry {
    fn register(&self, subject: &str, schema: &str) -> Result<u32> {
        match self.ask(Question::Register { subject: subject.into(), schema: schema.into() }) {
            Ok(Answer::Id(id)) => Ok(id),
            Ok(_) => Err(Error::new(ErrorKind::Bug, "a question for an id was answered with something else")),
            Err(error) => Err(error.context(format!("registering `{subject}`"))),
        }
    }

    fn schema(&self, id: u32) -> Result<Arc<str>> {
        match self.ask(Question::Schema { id }) {
            Ok(Answer::Schema(schema)) => Ok(schema),
            Ok(_) => Err(Error::new(ErrorKind::Bug, "a question for a schema was answered with something else")),
            Err(error) => Err(error.context(format!("fetching schema {id}"))),
        }
    }
}

impl Drop for HttpRegistry {
    /// Ends the thread; questions under way are given up.
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the schema registry's client panicked");
        }
    }
}

/// What runs in the thread.
struct Client {
    settings: SrSettings,
    answers: Arc<Mutex<Answers>>,
}

impl Client {
    /// Answers questions side by side until the registry is dropped.
    async fn run(self, mut queue: mpsc::Receiver<Question>, mut stop: oneshot::Receiver<()>) {
        let client = Arc::new(self);
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                _ = &mut stop => return,
                Some(_) = under_way.join_next() => {}
                Some(question) = queue.recv(), if under_way.len() < UNDER_WAY_MAX => {
                    under_way.spawn(client.clone().answer(question));
                }
            }
        }
    }

    async fn answer(self: Arc<Self>, question: Question) {
        let answer = self.answer_with_retries(&question).await;
        lock(&self.answers).insert(question, answer);
    }

    async fn answer_with_retries(&self, question: &Question) -> Answer {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let error = match self.attempt(question).await {
                Ok(answer) => return answer,
                Err(error) => error,
            };
            let refusal = Refusal::from(&error);
            if refusal.kind != ErrorKind::Timeout || attempt == ATTEMPTS_MAX {
                return Answer::Refused(refusal);
            }
            tracing::warn!(attempt, detail = %refusal.detail, "the schema registry did not answer; trying again");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    async fn attempt(&self, question: &Question) -> Result<Answer, SRCError> {
        match question {
            Question::Register { subject, schema } => {
                let supplied = SuppliedSchema::new(None, SchemaType::Avro, schema.clone());
                Ok(Answer::Id(post_schema(&self.settings, subject.clone(), supplied).await?.id))
            }
            Question::Schema { id } => Ok(Answer::Schema(get_schema_by_id(*id, &self.settings).await?.schema.into())),
        }
    }
}

impl Refusal {
    fn error(&self) -> Error {
        Error::new(self.kind, self.message.clone()).with_detail(self.detail.clone())
    }
}

impl From<&SRCError> for Refusal {
    /// Confluent's codes are the HTTP status, or the status followed by two digits.
    fn from(error: &SRCError) -> Self {
        let raw = std::error::Error::source(error).and_then(|source| source.downcast_ref::<RawError>());
        let code = raw.map_or(0, |raw| raw.error_code);
        let status = if code >= 1_000 { code / 100 } else { code };
        let (kind, message) = match status {
            401 | 403 => (ErrorKind::Unauthorized, "the schema registry refused the credentials"),
            404 => (ErrorKind::NotFound, "the schema registry knows no such schema"),
            409 => (ErrorKind::Config, "the schema is incompatible with an earlier version"),
            422 => (ErrorKind::Config, "the schema registry refused the schema as invalid"),
            _ if error.error.contains("status 401") || error.error.contains("status 403") => {
                (ErrorKind::Unauthorized, "the schema registry refused the credentials")
            }
            _ => (ErrorKind::Timeout, "the schema registry did not answer"),
        };
        let seen = raw.filter(|raw| raw.error_code != 0).map(|raw| raw.message.clone());
        let detail = seen.or_else(|| error.cause.clone()).unwrap_or_else(|| error.error.clone());
        Refusal { kind, message: message.into(), detail }
    }
}

fn settings(config: &RegistryConfig) -> Result<SrSettings> {
    let mut urls = config.url.split(',').map(|url| url.trim().trim_end_matches('/'));
    let first = urls.next().filter(|url| url.starts_with("http://"));
    let first = first.ok_or_else(|| {
        Error::new(ErrorKind::Config, format!("`{}` is not the address of a schema registry", config.url))
            .with_hint("write `http://host:port`; TLS is not built in")
    })?;
    let mut builder = SrSettings::new_builder(first.to_string());
    urls.for_each(|url| {
        builder.add_url(url.to_string());
    });
    if let Some((user, password)) = &config.basic_auth {
        builder.set_basic_authorization(user, Some(password));
    }
    builder.set_timeout(ATTEMPT_TIMEOUT).build().map_err(|error| {
        Error::new(ErrorKind::Config, "the schema registry's client cannot be made")
            .with_detail(error.error.clone())
            .with_source(error)
    })
}

fn lock(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pending() -> Error {
    Error::new(ErrorKind::Pending, "the schema registry has not answered yet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::testing::HttpServer;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn registry(server: &HttpServer) -> HttpRegistry {
        let basic_auth = Some(("user".to_string(), "secret".to_string()));
        HttpRegistry::new(&RegistryConfig { url: server.url(), basic_auth }).unwrap()
    }

    /// Asks until there is an answer.
    fn answer<T>(ask: impl Fn() -> Result<T>) -> Result<T> {
        loop {
            match ask() {
                Err(error) if error.kind() == ErrorKind::Pending => std::thread::yield_now(),
                answered => return answered,
            }
        }
    }

    #[test]
    fn schemas_are_registered_and_fetched_once() {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = calls.clone();
        let server = HttpServer::start(move |method, path, headers, body| {
            counted.fetch_add(1, Ordering::SeqCst);
            assert_eq!(headers.get("authorization").map(String::as_str), Some("Basic dXNlcjpzZWNyZXQ="));
            match (method, path) {
                ("POST", "/subjects/a-value/versions") => {
                    let body: serde_json::Value = serde_json::from_str(body).unwrap();
                    assert_eq!(body["schema"], r#""string""#);
                    (200, r#"{"id":7}"#.into())
                }
                ("GET", path) if path.starts_with("/schemas/ids/7") => (200, r#"{"schema":"\"string\""}"#.into()),
                other => panic!("{other:?}"),
            }
        });
        let registry = registry(&server);
        assert_eq!(registry.register("a-value", r#""string""#).unwrap_err().kind(), ErrorKind::Pending);
        assert_eq!(answer(|| registry.register("a-value", r#""string""#)).unwrap(), 7);
        assert_eq!(&*answer(|| registry.schema(7)).unwrap(), r#""string""#);
        assert_eq!(registry.register("a-value", r#""string""#).unwrap(), 7);
        assert_eq!(&*registry.schema(7).unwrap(), r#""string""#);
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn server_error_is_tried_again() {
        let calls = AtomicU32::new(0);
        let server = HttpServer::start(move |_, _, _, _| match calls.fetch_add(1, Ordering::SeqCst) {
            0 => (500, r#"{"error_code":50001,"message":"store"}"#.into()),
            1 => (503, String::new()),
            _ => (200, r#"{"id":3}"#.into()),
        });
        let registry = registry(&server);
        assert_eq!(answer(|| registry.register("a", r#""int""#)).unwrap(), 3);
    }

    #[test]
    fn refusals_say_who_must_act() {
        for (status, body, kind) in [
            (409, r#"{"error_code":409,"message":"incompatible with version 2"}"#, ErrorKind::Config),
            (422, r#"{"error_code":42201,"message":"invalid Avro"}"#, ErrorKind::Config),
            (404, r#"{"error_code":40403,"message":"Schema not found"}"#, ErrorKind::NotFound),
            (401, "", ErrorKind::Unauthorized),
        ] {
            let server = HttpServer::start(move |_, _, _, _| (status, body.into()));
            let registry = registry(&server);
            let error = answer(|| registry.register("a", r#""int""#)).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            let told: Option<serde_json::Value> = serde_json::from_str(body).ok();
            let message = told.map(|told| told["message"].as_str().unwrap().to_string()).unwrap_or_default();
            assert!(error.to_string().contains(&message), "{error}");
        }
    }

    #[test]
    fn dropping_it_does_not_wait_for_a_server_that_is_silent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let registry = HttpRegistry::new(&RegistryConfig { url, basic_auth: None }).unwrap();
        assert_eq!(registry.schema(1).unwrap_err().kind(), ErrorKind::Pending);
        let _connected = listener.accept().unwrap();
        drop(registry);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for url in ["", "localhost:8081", "https://host:1"] {
            let error = HttpRegistry::new(&RegistryConfig { url: url.into(), basic_auth: None }).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
}
