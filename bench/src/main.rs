//! One workload on Apache Kafka: reads its input to the end, commits, ends, and prints what it took as one line of JSON.
//!
//! An ordinary program on the public API of `kstreams`: what it tells about itself comes from `/proc`, from the counters of its
//! `Streams` and from the log's administration. `README.md` says which settings differ from those of the Java peer.

use clap::Parser;
use side_by_side::arguments::Arguments;
use side_by_side::run;
use std::io::stderr;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// librdkafka and RocksDB use it, too: it replaces `malloc` in the whole program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Warnings, or what `RUST_LOG` asks for.
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).init();
    match run::run(&Arguments::parse()) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
