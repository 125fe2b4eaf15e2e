//! The one thread that writes: requests are taken from a bounded queue and written one by one, each in a transaction.

use crate::encode::encode;
use crate::refusal::Refusal;
use crate::request::{Embedded, Produce};
use kstreams::error::{Error, ErrorKind, Result};
use kstreams::log::{Log, Placed};
use kstreams::serde::Registry;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use transit_part::log::{Writer, partitions};

/// Requests that wait for the writer; one more is answered 503.
const WAITING_MAX: usize = 64;

/// A body that was read, with what its headers say.
pub(crate) struct Job {
    pub topic: String,
    pub format: Embedded,
    pub request: Produce,
}

/// The answer to a request that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Where each record is, in order.
    pub offsets: Vec<Offset>,
    /// The id of the keys' schema.
    pub key_schema_id: Option<u32>,
    /// The id of the values' schema.
    pub value_schema_id: Option<u32>,
}

/// Where one record is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offset {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
    /// Always null: a request is written as a whole or refused.
    pub error_code: Option<u32>,
    /// Always null.
    pub error: Option<String>,
}

impl From<Placed> for Offset {
    fn from(placed: Placed) -> Self {
        Offset { partition: placed.partition, offset: placed.offset, error_code: None, error: None }
    }
}

type Answer = Result<Written, Refusal>;

/// Hands jobs to the writing thread. The thread ends when the last queue to it is dropped.
#[derive(Clone)]
pub(crate) struct Queue(mpsc::Sender<(Job, oneshot::Sender<Answer>)>);

impl Queue {
    /// Waits for the job's answer.
    pub(crate) async fn write(&self, job: Job) -> Answer {
        let (answer, answered) = oneshot::channel();
        let ended = || Refusal::new(503, "the gateway is ending");
        self.0.try_send((job, answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::new(503, "too many requests are waiting to be written"),
            mpsc::error::TrySendError::Closed(_) => ended(),
        })?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Waits for the end of the writing thread.
    pub(crate) async fn ended(&self) {
        self.0.closed().await;
    }
}

/// The writing thread.
pub(crate) type WriterThread = std::thread::JoinHandle<Result<()>>;

/// Starts the writing thread under a transactional id. It ends by itself only if another gateway takes the id over.
///
/// # Errors
/// What the log answers.
pub(crate) fn start(log: Arc<dyn Log>, registry: Arc<dyn Registry>, id: &str) -> Result<(Queue, WriterThread)> {
    let mut writer = Writer::open(&*log, id)?;
    let (sender, mut jobs) = mpsc::channel::<(Job, oneshot::Sender<Answer>)>(WAITING_MAX);
    let run = move || {
        while let Some((job, answer)) = jobs.blocking_recv() {
            let written = write(&*log, &mut writer, &*registry, &job);
            let fenced = matches!(&written, Err(Failed::Fenced(_)));
            // Whoever asked may have gone; what was written stays written.
            let _ = answer.send(written.map_err(Refusal::from));
            if fenced {
                return Err(Error::new(ErrorKind::Fenced, "another gateway has taken over this one's id"));
            }
        }
        Ok(())
    };
    let thread = std::thread::Builder::new().name("gateway-writer".into()).spawn(run)?;
    Ok((Queue(sender), thread))
}

enum Failed {
    Refused(Refusal),
    Fenced(Error),
}

impl From<Failed> for Refusal {
    fn from(failed: Failed) -> Refusal {
        match failed {
            Failed::Refused(refusal) => refusal,
            Failed::Fenced(error) => error.into(),
        }
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Failed {
        Failed::Refused(refusal)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        match error.kind() {
            ErrorKind::Fenced => Failed::Fenced(error),
            _ => Failed::Refused(error.into()),
        }
    }
}

fn write(log: &dyn Log, writer: &mut Writer, registry: &dyn Registry, job: &Job) -> Result<Written, Failed> {
    let partitions = match partitions(log, &[&job.topic]) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Refusal::topic_not_found(&job.topic).into()),
        answer => answer?[0],
    };
    let misplaced =
        job.request.records.iter().filter_map(|record| record.partition).find(|at| !(0..partitions).contains(at));
    if let Some(partition) = misplaced {
        return Err(Refusal::partition_not_found(&job.topic, partition).into());
    }
    let encoded = encode(&job.topic, job.format, &job.request, registry)?;
    let placed = writer.write(&encoded.messages)?;
    Ok(Written {
        offsets: placed.into_iter().map(Offset::from).collect(),
        key_schema_id: encoded.key_schema_id,
        value_schema_id: encoded.value_schema_id,
    })
}
