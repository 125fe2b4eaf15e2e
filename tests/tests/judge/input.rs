//! What the cases read: drawn from a fixed seed, so that both sides get the same.

use system_tests::desk::Input;

/// Numbers that look random and are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// What one topic gets in one phase: its name, how many records, which number the first has, and the earliest time.
#[derive(Clone, Copy)]
pub struct Part {
    pub topic: &'static str,
    pub records: usize,
    pub seed: u64,
    pub from_ms: i64,
}

/// Which partition a record goes to, by its key and value; `None` is the one its key belongs to.
pub type Spread = fn(&str, &str) -> Option<i32>;

const WORDS: [&str; 12] = ["ant", "bee", "cat", "dog", "eel", "fly", "gnu", "hen", "ibis", "jay", "kite", "łynx"];
const SAID: [&str; 8] = ["aha", "ahoy", "bah", "boo", "cheers", "cool", "duh", "eek"];
const STATIONS: [&str; 9] =
    ["R-Howard", "R-Lake", "R-Roosevelt", "B-OHare", "B-Logan", "G-Harlem", "G-Clinton", "G-Garfield", "P-Linden"];
const ARTICLES: [&str; 7] = ["apple", "apricot", "bread", "butter", "cheese", "cherry", "date"];

/// Half a second apart; one in ten is late, by up to a minute and a half.
fn times(part: Part, draw: &mut Draw) -> impl Iterator<Item = i64> {
    (0..part.records as i64).map(move |number| {
        let late = if draw.below(10) == 0 { draw.below(90_000) as i64 } else { 0 };
        part.from_ms + 100_000 + number * 500 - late
    })
}

fn record(topic: &str, timestamp: i64, key: &str, value: Option<Vec<u8>>) -> Input {
    let (topic, key) = (topic.to_owned(), key.as_bytes().to_vec());
    Input { topic, partition: None, timestamp, key, value, headers: Vec::new() }
}

/// Words and what they said; some with a header.
pub fn words(part: Part, spread: Spread) -> Vec<Input> {
    let (mut draw, mut late) = (Draw(part.seed), Draw(part.seed + 1));
    let records = times(part, &mut late).enumerate().map(|(number, timestamp)| {
        let (word, said) = (draw.one_of(&WORDS), draw.one_of(&SAID));
        let mut record = record(part.topic, timestamp, word, Some(said.into()));
        record.partition = spread(word, said);
        if number % 7 == 0 {
            record.headers = vec![("number".to_owned(), number.to_string().into()), ("empty".to_owned(), Vec::new())];
        }
        record
    });
    records.collect()
}

/// What was said, and something that has no meaning.
pub fn others(part: Part) -> Vec<Input> {
    let (mut draw, mut late) = (Draw(part.seed), Draw(part.seed + 1));
    let records = times(part, &mut late).enumerate().map(|(number, timestamp)| {
        record(part.topic, timestamp, draw.one_of(&SAID), Some(format!("other {number}").into()))
    });
    records.collect()
}

/// Rides of cards, from stations. All of a line begin in one partition.
pub fn rides(part: Part) -> Vec<Input> {
    let (mut draw, mut late) = (Draw(part.seed), Draw(part.seed + 1));
    let records = times(part, &mut late).map(|timestamp| {
        let (card, station) = (draw.below(1_000), draw.one_of(&STATIONS));
        let line = i32::from(station.as_bytes()[0]);
        Input { partition: Some(line % 3), ..record(part.topic, timestamp, &card.to_string(), Some(station.into())) }
    });
    records.collect()
}

/// Names of keys; one in eight is taken away.
pub fn names(part: Part, keys: &[&str]) -> Vec<Input> {
    let mut draw = Draw(part.seed);
    let records = (0..part.records).map(|number| {
        let key = draw.one_of(keys);
        let name = (draw.below(8) > 0).then(|| format!("{key} {number}").into_bytes());
        record(part.topic, part.from_ms + number as i64, key, name)
    });
    records.collect()
}

/// Names of words.
pub fn names_of_words(part: Part) -> Vec<Input> {
    names(part, &WORDS)
}

/// Names of lines; the purple one has none.
pub fn lines(part: Part) -> Vec<Input> {
    names(part, &["R", "B", "G"])
}

/// Prices of articles, some below zero, some taken away; all articles of one kind begin in one partition. In order of time:
/// which of two updates is forwarded out of a cache must not change the time of a sum.
pub fn prices(part: Part) -> Vec<Input> {
    let mut draw = Draw(part.seed);
    let records = (0..part.records).map(|number| {
        let article = draw.one_of(&ARTICLES);
        let price = draw.below(12) as i64 - 2;
        let price = (draw.below(9) > 0).then(|| price.to_be_bytes().to_vec());
        let kind = i32::from(article.as_bytes()[0]);
        Input { partition: Some(kind % 3), ..record(part.topic, part.from_ms + number as i64 * 500, article, price) }
    });
    records.collect()
}
