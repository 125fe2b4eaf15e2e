//! What the process has used so far, as Linux tells it in `/proc`.

use std::time::Duration;

/// Ticks of the processor clock in a second: a constant of Linux's interface, whatever the kernel's own clock.
const TICKS_PER_SECOND: u64 = 100;

/// Processor time of all threads so far; zero where there is no `/proc`.
pub(crate) fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    cpu_of(&stat).unwrap_or_default()
}

/// The most memory that the process has ever held, in bytes; zero where there is no `/proc`.
pub(crate) fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    peak_of(&status).unwrap_or_default()
}

/// User and system time are the 14th and 15th field; the second one, the program's name, may contain blanks.
fn cpu_of(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_whitespace().skip(11);
    let ticks = times.next()?.parse::<u64>().ok()? + times.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_understood() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 100 1000 50";
        assert_eq!(cpu_of(stat), Some(Duration::from_secs(3)));
        assert_eq!(peak_of("Name:\tx\nVmHWM:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!((cpu_of(""), peak_of("")), (None, None));
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(peak_memory_bytes() > 1 << 20);
    }
}
