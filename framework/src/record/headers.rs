//! Record headers: a small list, shared until changed.

use std::sync::Arc;

/// One header: a name and bytes, which may be null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name; names may repeat.
    pub name: Arc<str>,
    /// The bytes; `None` is null.
    pub value: Option<Arc<[u8]>>,
}

/// The headers of a record, in order. Cloning shares the list; no headers cost no allocation.
///
/// ```
/// use kstreams::record::Headers;
///
/// let mut headers = Headers::default();
/// headers.push("trace", Some(b"1"));
/// headers.push("trace", Some(b"2"));
/// assert_eq!(headers.len(), 2);
/// assert_eq!(headers.last("trace"), Some(Some(&b"2"[..])));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Option<Arc<Vec<Header>>>);

impl Headers {
    /// Appends a header.
    pub fn push(&mut self, name: &str, value: Option<&[u8]>) {
        let list = self.0.get_or_insert_with(Arc::default);
        Arc::make_mut(list).push(Header { name: name.into(), value: value.map(Into::into) });
    }

    /// Removes every header of that name.
    pub fn remove(&mut self, name: &str) {
        if let Some(list) = &mut self.0 {
            Arc::make_mut(list).retain(|header| &*header.name != name);
        }
    }

    /// The value of the last header of that name; the inner `None` is a null value.
    pub fn last(&self, name: &str) -> Option<Option<&[u8]>> {
        self.as_slice().iter().rev().find(|header| &*header.name == name).map(|header| header.value.as_deref())
    }

    /// All headers in order.
    pub fn as_slice(&self) -> &[Header] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// The number of headers.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl<'a> FromIterator<(&'a str, Option<&'a [u8]>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, Option<&'a [u8]>)>>(pairs: I) -> Self {
        let mut headers = Headers::default();
        for (name, value) in pairs {
            headers.push(name, value);
        }
        headers
    }
}
