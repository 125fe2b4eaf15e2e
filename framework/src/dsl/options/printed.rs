//! How a stream is printed.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

pub(crate) type Line<K, V> = Arc<dyn Fn(&str, &K, &V) -> String + Send + Sync>;

/// Where and how a stream is printed. Kafka Streams: `org.apache.kafka.streams.kstream.Printed`.
///
/// A line is the label in brackets and then key and value, by their `Debug` unless a mapper is given: `[in]: 1, 5`.
pub struct Printed<K, V> {
    pub(crate) output: Arc<Mutex<dyn Write + Send>>,
    pub(crate) label: Option<String>,
    pub(crate) line: Line<K, V>,
}

impl<K: std::fmt::Debug, V: std::fmt::Debug> Printed<K, V> {
    /// To standard output.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").print(Printed::to_sys_out());
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?; // prints `[KSTREAM-PRINTER-0000000001]: 1, 5`
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn to_sys_out() -> Self {
        Printed::to_writer(std::io::stdout())
    }

    /// To a file, which is created or emptied.
    ///
    /// # Errors
    /// The file cannot be written.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("in.txt");
    /// builder.stream::<i32, i32>("in").print(Printed::to_file(&path)?.with_label("in"));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(std::fs::read_to_string(&path)?, "[in]: 1, 5\n");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn to_file(path: impl AsRef<Path>) -> crate::error::Result<Self> {
        Ok(Printed::to_writer(std::fs::File::create(path)?))
    }

    /// To any writer, which the tasks share (no counterpart in Java).
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # use std::{io, sync::{Arc, Mutex}};
    /// # #[derive(Clone, Default)]
    /// # struct Shared(Arc<Mutex<Vec<u8>>>);
    /// # impl io::Write for Shared {
    /// #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.0.lock().unwrap().write(bytes) }
    /// #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
    /// # }
    /// let writer = Shared::default();
    /// builder.stream::<i32, i32>("in").print(Printed::to_writer(writer.clone()).with_label("in"));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(*writer.0.lock().unwrap(), b"[in]: 1, 5\n");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn to_writer(writer: impl Write + Send + 'static) -> Self {
        Printed {
            output: Arc::new(Mutex::new(writer)),
            label: None,
            line: Arc::new(|label, key, value| format!("[{label}]: {key:?}, {value:?}")),
        }
    }
}

impl<K, V> Printed<K, V> {
    /// Goes before each line, in brackets; the default is the node's name.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// builder.stream::<i32, i32>("in").print(Printed::to_sys_out().with_label("rides"));
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?; // prints `[rides]: 1, 5`
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Makes the text of a line from key and value (`withKeyValueMapper`); the label goes before it.
    ///
    /// ```
    /// # use kstreams::{dsl::*, testing::*};
    /// # let builder = StreamsBuilder::new();
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("in.txt");
    /// let printed = Printed::to_file(&path)?.with_label("in").with_key_value_mapper(|k, v| format!("{v} at {k}"));
    /// builder.stream::<i32, i32>("in").print(printed);
    /// # let mut driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input("in").pipe(1, 5)?;
    /// assert_eq!(std::fs::read_to_string(&path)?, "[in]: 5 at 1\n");
    /// # Ok::<(), kstreams::error::Error>(())
    /// ```
    pub fn with_key_value_mapper(mut self, mapper: impl Fn(&K, &V) -> String + Send + Sync + 'static) -> Self {
        self.line = Arc::new(move |label, key, value| format!("[{label}]: {}", mapper(key, value)));
        self
    }
}
