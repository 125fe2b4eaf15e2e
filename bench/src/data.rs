//! The input, each record a function of its number alone: the loader writes it, and the check computes it again.
//!
//! Event keys are `station-000123`, drawn from K of them with Zipf's law (exponent 1). Values are JSON of 100 bytes; where others are asked
//! for they are longer, or cut off. Event times rise by a millisecond; one record in a hundred is up to five seconds late. A profile
//! exists for each key, older than all events.

use rustc_hash::FxHasher;
use std::hash::Hasher;

/// The time of the first event, in milliseconds since the epoch.
pub const BEGIN_MS: i64 = 1_750_000_000_000;

/// The length of a value, unless another is asked for.
pub const VALUE_BYTES: usize = 100;

/// The most that an event is late.
const LATE_MS_MAX: u64 = 5_000;

/// Spreads neighbouring ranks over the ids: a prime, so that no two ranks meet as long as it does not divide the keys.
const SPREAD: u64 = 104_729;

/// What of a record is drawn.
#[derive(Clone, Copy)]
enum Draw {
    Key = 1,
    Line,
    Entries,
    Delay,
    Note,
}

/// Bits that look random and are always the same.
fn bits(record: u64, draw: Draw) -> u64 {
    let mut state = record.wrapping_mul(8).wrapping_add(draw as u64).wrapping_add(0x5851_f42d_4c95_7f2d);
    for _ in 0..3 {
        state = (state ^ (state >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    }
    state ^ (state >> 32)
}

/// The number of an event's key.
pub fn event_key(record: u64, keys: u64) -> u64 {
    let uniform = (bits(record, Draw::Key) >> 11) as f64 / (1_u64 << 53) as f64;
    let rank = ((keys as f64).powf(uniform) as u64).clamp(1, keys) - 1;
    rank * SPREAD % keys
}

/// The bytes of a key.
pub fn key(number: u64) -> String {
    format!("station-{number:06}")
}

/// The number of a key, from its bytes.
pub fn key_number(key: &[u8]) -> Option<u64> {
    std::str::from_utf8(key.strip_prefix(b"station-")?).ok()?.parse().ok()
}

/// An event's time, in milliseconds since the epoch.
pub fn event_time_ms(record: u64) -> i64 {
    let delay = bits(record, Draw::Delay);
    let late_ms = if delay.is_multiple_of(100) { 1 + delay / 100 % LATE_MS_MAX } else { 0 };
    BEGIN_MS + record as i64 - late_ms as i64
}

/// An event's value, of so many bytes.
pub fn event(record: u64, bytes: usize) -> String {
    let line = ["red", "green", "blue"][(bits(record, Draw::Line) % 3) as usize];
    let entries = bits(record, Draw::Entries) % 1_000;
    filled(format!("{{\"seq\":{record:010},\"line\":\"{line}\",\"entries\":{entries:03},\"note\":\""), record, bytes)
}

/// A profile's time, in milliseconds since the epoch.
pub fn profile_time_ms(number: u64) -> i64 {
    BEGIN_MS - 100_000_000 + number as i64
}

/// The profile of a key.
pub fn profile(number: u64) -> String {
    filled(format!("{{\"name\":\"Station {number:06}\",\"zone\":{},\"note\":\"", number % 9 + 1), number, VALUE_BYTES)
}

/// The value with letters up to its full length; cut off where that is too short for it.
fn filled(mut value: String, record: u64, bytes: usize) -> String {
    let letters = bits(record, Draw::Note);
    for place in value.len()..bytes.saturating_sub(2) {
        let turned = letters.rotate_left(5 * place as u32).wrapping_add(place as u64);
        value.push(char::from(b'a' + (turned % 26) as u8));
    }
    value.push_str("\"}");
    value.truncate(bytes);
    value
}

/// What `map` makes of an event; `None` for those that it drops.
pub fn mapped(record: u64, bytes: usize) -> Option<String> {
    let event = event(record, bytes);
    (!event.contains("\"line\":\"blue\"")).then(|| event.to_uppercase())
}

/// What `join` makes of an event and a profile.
pub fn joined(event: &str, profile: &str) -> String {
    format!("{}|{}", &event[..17], &profile[..32])
}

/// A number for a key and a value; numbers of many records are added, in any order.
pub fn fingerprint(key: &[u8], value: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_usize(key.len());
    hasher.write(key);
    hasher.write(value);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_their_shapes() {
        assert_eq!(key(123), "station-000123");
        assert_eq!(key_number(b"station-000123"), Some(123));
        for record in 0..1_000 {
            assert!(event(record, VALUE_BYTES).starts_with(&format!("{{\"seq\":{record:010},\"line\":\"")));
            assert_eq!(profile(record).len(), VALUE_BYTES);
            assert!([10, 60, VALUE_BYTES, 10_000].iter().all(|bytes| event(record, *bytes).len() == *bytes));
        }
    }

    #[test]
    fn keys_follow_zipf() {
        let (keys, records) = (10_000, 200_000);
        let mut counts = vec![0_u64; keys as usize];
        (0..records).for_each(|record| counts[event_key(record, keys) as usize] += 1);
        counts.sort_unstable_by(|a, b| b.cmp(a));
        // The top key has ln 2 / ln K of the records, the top 1 % half of them.
        let share = |top: usize| counts[..top].iter().sum::<u64>() as f64 / records as f64;
        assert!((share(1) - 0.075).abs() < 0.01, "{}", share(1));
        assert!((share(100) - 0.5).abs() < 0.02, "{}", share(100));
    }

    #[test]
    fn one_event_in_a_hundred_is_late() {
        let late = (0..100_000).filter(|record| event_time_ms(*record) < BEGIN_MS + *record as i64).count();
        assert!((900..1_100).contains(&late), "{late}");
        assert!((0..100_000).all(|record| event_time_ms(record) >= BEGIN_MS + record as i64 - 5_000));
    }

    #[test]
    fn a_third_of_the_events_is_blue() {
        let kept = (0..30_000).filter_map(|record| mapped(record, VALUE_BYTES)).count();
        assert!((19_500..20_500).contains(&kept), "{kept}");
    }
}
