//! Bytes that lie in place while they are few, so that maps of rows compare and hand out most of them without another look into
//! memory. Longer ones are shared.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;

/// The bytes of a row's key: enough room for most keys, and for those of windows.
pub(super) type KeyBytes = Short<38>;

/// The bytes of a row's value: enough room for a number with its timestamp.
pub(super) type ValueBytes = Short<22>;

/// Immutable bytes, up to `PLACE` of them in place. Cheap to clone.
#[derive(Clone)]
pub(super) enum Short<const PLACE: usize> {
    InPlace { length: u8, bytes: [u8; PLACE] },
    Shared(Rc<[u8]>),
}

impl<const PLACE: usize> From<&[u8]> for Short<PLACE> {
    fn from(from: &[u8]) -> Self {
        let mut bytes = [0; PLACE];
        match (bytes.get_mut(..from.len()), u8::try_from(from.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(from);
                Short::InPlace { length, bytes }
            }
            _ => Short::Shared(from.into()),
        }
    }
}

impl<const PLACE: usize> Deref for Short<PLACE> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Short::InPlace { length, bytes } => &bytes[..usize::from(*length)],
            Short::Shared(bytes) => bytes,
        }
    }
}

impl<const PLACE: usize> Borrow<[u8]> for Short<PLACE> {
    fn borrow(&self) -> &[u8] {
        self
    }
}

// As slices do, wherever the bytes lie: maps are asked for slices.

impl<const PLACE: usize> PartialEq for Short<PLACE> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<const PLACE: usize> Eq for Short<PLACE> {}

impl<const PLACE: usize> PartialOrd for Short<PLACE> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const PLACE: usize> Ord for Short<PLACE> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<const PLACE: usize> Hash for Short<PLACE> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<const PLACE: usize> fmt::Debug for Short<PLACE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustc_hash::FxHashSet;

    #[test]
    fn few_bytes_need_no_more_room_than_their_place() {
        assert_eq!((size_of::<KeyBytes>(), size_of::<Option<ValueBytes>>()), (40, 24));
    }

    proptest! {
        #[test]
        fn bytes_are_those_of_the_slice_and_are_found_by_it(
            a in prop::collection::vec(any::<u8>(), 0..8), b in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let (short_a, short_b) = (Short::<4>::from(&a[..]), Short::<4>::from(&b[..]));
            prop_assert_eq!(&*short_a, &a[..]);
            prop_assert_eq!(short_a.cmp(&short_b), a.cmp(&b));
            let set: FxHashSet<Short<4>> = [short_a].into_iter().collect();
            prop_assert!(set.contains(&a[..]));
            prop_assert_eq!(set.contains(&b[..]), a == b);
        }
    }
}
