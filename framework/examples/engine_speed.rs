//! How fast and how large the engines are here: the numbers of docs/decisions/0001-disk-engine.md.
//!
//! ```text
//! cargo run --features rocksdb --example engine_speed -- fjall
//! cargo run --features rocksdb --example engine_speed -- rocksdb
//! cargo run --features rocksdb --example engine_speed -- fjall 300
//! ```
//!
//! The second argument is the number of spaces. One engine for each run, because memory is that of the process.

use kstreams::engine::{Batch, Direction, Durability, EngineKind, EngineOptions, KeyRange, SharedEngine, Space, open};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

const HOT_KEYS: u64 = 100_000;
const BATCH_PUTS: u64 = 1_000;
const VALUE: [u8; 50] = [7; 50];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let kind: EngineKind = arguments.next().ok_or("usage: engine_speed KIND [SPACES]")?.parse()?;
    let spaces: u64 = arguments.next().map_or(Ok(1), |count| count.parse())?;
    let directory = tempfile::tempdir_in(".")?;
    let reopen = || open(kind, directory.path(), &EngineOptions::default());

    let (engine, opening) = timed(reopen)?;
    let (numbers, creating) = timed(|| (0..spaces).map(|n| engine.space(&format!("space-{n}"))).collect())?;
    let speed = Speed { engine, spaces: numbers, random: ChaCha8Rng::seed_from_u64(1) };
    println!("{kind}, {spaces} spaces: open {opening:.1?}, create spaces {creating:.1?}");
    let speed = measure(speed)?;
    println!("  memory             {:>10} MiB", resident_mib().map_or("?".into(), |mib| mib.to_string()));
    let start = Instant::now();
    drop(speed);
    let closing = start.elapsed();
    let (engine, opening) = timed(reopen)?;
    println!("  disk               {:>10} MiB", disk_bytes(directory.path())? >> 20);
    println!("  close, open        {closing:>10.1?} {opening:.1?}");
    let (_, dropping) = timed(|| engine.drop_space("space-0"))?;
    println!("  drop a space       {dropping:>10.1?}");
    Ok(())
}

struct Speed {
    engine: SharedEngine,
    spaces: Vec<Space>,
    random: ChaCha8Rng,
}

fn measure(mut speed: Speed) -> kstreams::error::Result<Speed> {
    let bytes = written_bytes();
    report("batch puts", 1_000_000, || speed.puts(1_000_000, BATCH_PUTS, Durability::Process))?;
    if let (Some(before), Some(after)) = (bytes, written_bytes()) {
        let asked = 1_000_000 * (8 + VALUE.len() as u64);
        println!("  written per byte   {:>10.1}", (after - before) as f64 / asked as f64);
    }
    report("single puts", 200_000, || speed.puts(200_000, 1, Durability::Process))?;
    report("synced puts", 200, || speed.puts(200, 1, Durability::Power))?;
    report("gets", 500_000, || speed.gets(500_000))?;
    report("scanned pairs", speed.len()?, || speed.len().map(drop))?;
    report("ranges of 10 deleted", 10_000, || speed.delete_ranges(10_000))?;
    Ok(speed)
}

impl Speed {
    fn key(&mut self) -> (Space, [u8; 8]) {
        let key = self.random.random_range(0..HOT_KEYS);
        (self.spaces[(key % self.spaces.len() as u64) as usize], key.to_be_bytes())
    }

    fn puts(&mut self, count: u64, together: u64, durability: Durability) -> kstreams::error::Result<()> {
        for _ in 0..count / together {
            let mut batch = Batch::default();
            for _ in 0..together {
                let (space, key) = self.key();
                batch.put(space, key, VALUE);
            }
            self.engine.write(&batch, durability)?;
        }
        Ok(())
    }

    fn gets(&mut self, count: u64) -> kstreams::error::Result<()> {
        for _ in 0..count {
            let (space, key) = self.key();
            self.engine.get(space, &key)?;
        }
        Ok(())
    }

    /// What window expiry does: a commit's puts with a range in front.
    fn delete_ranges(&mut self, count: u64) -> kstreams::error::Result<()> {
        for n in 0..count {
            let space = self.spaces[(n % self.spaces.len() as u64) as usize];
            let (from, to) = (n * 10, n * 10 + 10);
            let mut batch = Batch::default();
            batch.delete_range(space, from.to_be_bytes(), Some(to.to_be_bytes().to_vec()));
            batch.put(space, (HOT_KEYS + n).to_be_bytes(), VALUE);
            self.engine.write(&batch, Durability::Process)?;
        }
        Ok(())
    }

    fn len(&self) -> kstreams::error::Result<u64> {
        let mut pairs = 0;
        for space in &self.spaces {
            let mut cursor = self.engine.scan(*space, KeyRange::all(), Direction::Forward)?;
            while cursor.advance()? {
                pairs += 1;
            }
        }
        Ok(pairs)
    }
}

fn timed<T>(work: impl FnOnce() -> kstreams::error::Result<T>) -> kstreams::error::Result<(T, Duration)> {
    let start = Instant::now();
    let done = work()?;
    Ok((done, start.elapsed()))
}

fn report(what: &str, count: u64, work: impl FnOnce() -> kstreams::error::Result<()>) -> kstreams::error::Result<()> {
    let ((), took) = timed(work)?;
    println!("  {what:<18} {:>10.0} /s", count as f64 / took.as_secs_f64());
    Ok(())
}

/// Only Linux tells.
fn resident_mib() -> Option<u64> {
    number_after("/proc/self/status", "VmRSS:").map(|kib| kib >> 10)
}

fn written_bytes() -> Option<u64> {
    number_after("/proc/self/io", "wchar:")
}

fn number_after(file: &str, label: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(label))?.split_whitespace().next()?.parse().ok()
}

fn disk_bytes(directory: &std::path::Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { disk_bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
