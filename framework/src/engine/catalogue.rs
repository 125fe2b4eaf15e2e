//! Which spaces an engine on disk has: names to numbers, kept in a space of its own.
//!
//! A number is never given out twice, so that what is left of a dropped space cannot come to light under a new name.

use super::{Batch, Cursor, Space};
use crate::error::{Error, ErrorKind, Result};
use std::collections::{BTreeMap, BTreeSet};

/// The space that holds the catalogue itself.
pub(super) const CATALOGUE: Space = Space(0);

/// The key of the next number; the other keys are a tag and a name or number.
const NEXT: &[u8] = b"#";
const NAMED: u8 = b'n';
const DROPPED: u8 = b'd';

/// Names and numbers of the spaces, as they are on disk.
#[derive(Debug, Clone)]
pub(super) struct Catalogue {
    by_name: BTreeMap<String, Space>,
    alive: BTreeSet<Space>,
    /// Dropped, but perhaps not yet empty.
    dropped: BTreeSet<Space>,
    next: u32,
}

impl Catalogue {
    /// Reads it from a walk over the space [`CATALOGUE`], whose keys come with that many bytes of prefix.
    pub(super) fn read(mut cursor: impl Cursor, prefix_bytes: usize) -> Result<Self> {
        let mut catalogue = Catalogue {
            by_name: BTreeMap::new(),
            alive: BTreeSet::new(),
            dropped: BTreeSet::new(),
            next: CATALOGUE.0 + 1,
        };
        while cursor.advance()? {
            catalogue.take_in(&cursor.key()[prefix_bytes..], cursor.value())?;
        }
        Ok(catalogue)
    }

    fn take_in(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        match key {
            NEXT => self.next = number(value)?,
            [NAMED, name @ ..] => {
                let name = String::from_utf8(name.to_vec()).map_err(|error| damaged().with_source(error))?;
                let space = Space(number(value)?);
                self.alive.insert(space);
                self.by_name.insert(name, space);
            }
            [DROPPED, space @ ..] => {
                self.dropped.insert(Space(number(space)?));
            }
            _ => return Err(damaged()),
        }
        Ok(())
    }

    pub(super) fn find(&self, name: &str) -> Option<Space> {
        self.by_name.get(name).copied()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    /// Fails for a space that was dropped or never was.
    pub(super) fn check(&self, space: Space) -> Result<()> {
        if self.alive.contains(&space) { Ok(()) } else { Err(super::dropped(space)) }
    }

    pub(super) fn dropped(&self) -> impl Iterator<Item = Space> {
        self.dropped.iter().copied()
    }

    /// The catalogue with a new space, and what makes it so on disk.
    pub(super) fn with(&self, name: &str) -> Result<(Catalogue, Batch, Space)> {
        let (space, mut next, mut batch) = (Space(self.next), self.clone(), Batch::default());
        next.next = self.next.checked_add(1).filter(|next| *next < u32::MAX).ok_or_else(full)?;
        next.alive.insert(space);
        next.by_name.insert(name.to_owned(), space);
        batch.put(CATALOGUE, named(name), space.0.to_be_bytes());
        batch.put(CATALOGUE, NEXT, next.next.to_be_bytes());
        Ok((next, batch, space))
    }

    /// The catalogue without that space, which is marked as still to be emptied.
    pub(super) fn without(&self, name: &str) -> Option<(Catalogue, Batch, Space)> {
        let (mut next, mut batch) = (self.clone(), Batch::default());
        let space = next.by_name.remove(name)?;
        next.alive.remove(&space);
        next.dropped.insert(space);
        batch.delete(CATALOGUE, named(name));
        batch.put(CATALOGUE, emptying(space), "");
        Some((next, batch, space))
    }

    /// The catalogue after a dropped space was emptied.
    pub(super) fn forget(&mut self, space: Space) -> Batch {
        self.dropped.remove(&space);
        let mut batch = Batch::default();
        batch.delete(CATALOGUE, emptying(space));
        batch
    }
}

fn named(name: &str) -> Vec<u8> {
    [&[NAMED], name.as_bytes()].concat()
}

fn emptying(space: Space) -> Vec<u8> {
    [&[DROPPED][..], &space.0.to_be_bytes()].concat()
}

fn number(bytes: &[u8]) -> Result<u32> {
    bytes.try_into().map(u32::from_be_bytes).map_err(|error| damaged().with_source(error))
}

fn damaged() -> Error {
    Error::new(ErrorKind::Corrupt, "the catalogue of spaces is damaged")
}

fn full() -> Error {
    Error::new(ErrorKind::Bug, "the engine has handed out all numbers for spaces")
}
