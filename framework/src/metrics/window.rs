//! Rates, averages and maxima over the recent past, in plain numbers.

/// How long a sample lasts. Two are kept, as Kafka keeps them: a value is over 30 to 60 seconds.
const SAMPLE_MS: i64 = 30_000;

/// What was measured lately: a running count or single measurements.
#[derive(Debug, Default)]
pub(super) struct Window {
    current: Sample,
    previous: Sample,
    /// The running count at the last update.
    total: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sample {
    start_ms: i64,
    count: u64,
    sum: f64,
    max: f64,
}

impl Window {
    /// Takes the running count as it is now.
    pub(super) fn update(&mut self, total: u64, now_ms: i64) {
        self.roll(now_ms);
        self.current.count += total - self.total;
        self.total = total;
    }

    /// Takes a single measurement.
    pub(super) fn measure(&mut self, value: f64, now_ms: i64) {
        self.roll(now_ms);
        self.current.count += 1;
        self.current.sum += value;
        self.current.max = self.current.max.max(value);
    }

    fn roll(&mut self, now_ms: i64) {
        if self.current.start_ms == 0 {
            self.current.start_ms = now_ms;
        }
        if now_ms - self.current.start_ms >= SAMPLE_MS {
            let is_recent = now_ms - self.current.start_ms < 2 * SAMPLE_MS;
            self.previous = if is_recent { self.current } else { Sample { start_ms: now_ms, ..Sample::default() } };
            self.current = Sample { start_ms: now_ms, ..Sample::default() };
        }
    }

    /// Counts a second; at least half a minute is looked at, so that the first counts are no peak.
    pub(super) fn rate(&self, now_ms: i64) -> f64 {
        let start_ms = if self.previous.start_ms == 0 { self.current.start_ms } else { self.previous.start_ms };
        let elapsed_ms = (now_ms - start_ms).max(SAMPLE_MS);
        (self.current.count + self.previous.count) as f64 * 1_000.0 / elapsed_ms as f64
    }

    /// The average of the measurements; 0 without any.
    pub(super) fn average(&self) -> f64 {
        let count = self.current.count + self.previous.count;
        if count == 0 { 0.0 } else { (self.current.sum + self.previous.sum) / count as f64 }
    }

    /// The largest measurement; 0 without any.
    pub(super) fn max(&self) -> f64 {
        self.current.max.max(self.previous.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_over_the_last_two_samples() {
        let mut window = Window::default();
        for second in 1..=120_u64 {
            window.update(second * 10, second as i64 * 1_000);
        }
        assert!((window.rate(120_000) - 10.0).abs() < 0.5, "{}", window.rate(120_000));
        window.update(1_200, 300_000);
        assert_eq!(window.rate(300_000), 0.0);
    }

    #[test]
    fn old_measurements_are_forgotten() {
        let mut window = Window::default();
        window.measure(100.0, 1_000);
        window.measure(200.0, 2_000);
        assert_eq!((window.average(), window.max()), (150.0, 200.0));
        window.measure(10.0, 40_000);
        assert_eq!(window.max(), 200.0);
        window.measure(20.0, 110_000);
        assert_eq!((window.average(), window.max()), (20.0, 20.0));
    }
}
