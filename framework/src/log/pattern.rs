//! Subscription by pattern: a regex over whole topic names, resolved by us and not by the broker.

use super::TopicInfo;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Topic;
use regex::Regex;

/// A regular expression that a topic's whole name must match, as `Pattern.matches` does in Java.
///
/// ```
/// use kstreams::log::TopicPattern;
///
/// let pattern = TopicPattern::new(r"arrivals(\..+)?")?;
/// assert!(pattern.matches("arrivals.blue"));
/// assert!(!pattern.matches("all-arrivals"));
/// # Ok::<(), kstreams::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TopicPattern {
    source: String,
    regex: Regex,
}

impl TopicPattern {
    /// Compiles the expression.
    ///
    /// # Errors
    /// `Config` if it is not one.
    pub fn new(source: &str) -> Result<Self> {
        match Regex::new(&format!("^(?:{source})$")) {
            Ok(regex) => Ok(TopicPattern { source: source.to_owned(), regex }),
            Err(error) => {
                Err(Error::new(ErrorKind::Config, format!("topic pattern `{source}` is not a regular expression"))
                    .with_source(error))
            }
        }
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether the whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }

    /// The topics that match, in the order given.
    pub fn resolve(&self, topics: &[TopicInfo]) -> Vec<Topic> {
        topics.iter().filter(|info| self.matches(info.topic.as_str())).map(|info| info.topic.clone()).collect()
    }
}
