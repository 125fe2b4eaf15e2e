//! What this process has used, from `/proc`.

use std::fs;
use std::io;

/// Linux counts CPU time and the age of processes in ticks of this many seconds, on every machine.
const TICK_SECONDS: f64 = 0.01;

/// CPU seconds so far, user and system, of all threads, ended ones included.
///
/// # Errors
/// What `/proc` cannot be read for.
pub fn cpu_seconds() -> io::Result<f64> {
    let fields = stat()?;
    Ok((fields[11] + fields[12]) * TICK_SECONDS)
}

/// Seconds since the process began.
///
/// # Errors
/// As [`cpu_seconds`].
pub fn age_seconds() -> io::Result<f64> {
    let uptime = fs::read_to_string("/proc/uptime")?;
    let now: f64 = number(uptime.split(' ').next())?;
    Ok(now - stat()?[19] * TICK_SECONDS)
}

/// The most memory that was resident, in MiB.
///
/// # Errors
/// As [`cpu_seconds`].
pub fn memory_peak_mb() -> io::Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = number(line.and_then(|line| line.split_whitespace().next()))?;
    Ok(kib / 1024.0)
}

/// The numbers of `/proc/self/stat` behind the program's name, which may have spaces.
fn stat() -> io::Result<Vec<f64>> {
    let line = fs::read_to_string("/proc/self/stat")?;
    let numbers = line.rsplit_once(") ").map_or("", |(_, numbers)| numbers);
    Ok(numbers.split(' ').map(|field| field.trim().parse().unwrap_or(0.0)).collect())
}

fn number(text: Option<&str>) -> io::Result<f64> {
    let text = text.unwrap_or_default().trim();
    text.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("no number in /proc: `{text}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time_and_memory() {
        let before = cpu_seconds().unwrap();
        let mut sum = 0_u64;
        while cpu_seconds().unwrap() < before + 0.05 {
            sum = (0..100_000).fold(sum, u64::wrapping_add);
        }
        assert!(std::hint::black_box(sum) > 0);
        assert!(age_seconds().unwrap() > 0.0);
        assert!(memory_peak_mb().unwrap() > 0.5);
    }
}
