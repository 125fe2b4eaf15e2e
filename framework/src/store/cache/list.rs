//! A doubly linked list through the slots of a slab, so that an entry is moved without a search.
//! The links are a column of their own: a slot may be in several lists.

/// The end of a list.
const NONE: u32 = u32::MAX;

/// A slot's neighbours in one list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Links {
    before: u32,
    after: u32,
}

impl Links {
    /// In no list.
    pub(super) const UNLINKED: Links = Links { before: NONE, after: NONE };
}

/// First and last slot of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    first: u32,
    last: u32,
}

impl List {
    /// No slots.
    pub(super) const EMPTY: List = List { first: NONE, last: NONE };

    /// The slot that was appended longest ago.
    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// Appends a slot that is not in the list.
    pub(super) fn append(&mut self, links: &mut [Links], slot: u32) {
        links[slot as usize] = Links { before: self.last, after: NONE };
        match self.last {
            NONE => self.first = slot,
            last => links[last as usize].after = slot,
        }
        self.last = slot;
    }

    /// Takes a slot out of the list.
    pub(super) fn remove(&mut self, links: &mut [Links], slot: u32) {
        let Links { before, after } = std::mem::replace(&mut links[slot as usize], Links::UNLINKED);
        match before {
            NONE => self.first = after,
            before => links[before as usize].after = after,
        }
        match after {
            NONE => self.last = before,
            after => links[after as usize].before = before,
        }
    }

    /// Moves a slot of the list to its end.
    pub(super) fn move_to_end(&mut self, links: &mut [Links], slot: u32) {
        if self.last != slot {
            self.remove(links, slot);
            self.append(links, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(list: &List, links: &[Links]) -> Vec<u32> {
        std::iter::successors(list.first(), |slot| match links[*slot as usize].after {
            NONE => None,
            after => Some(after),
        })
        .collect()
    }

    #[test]
    fn slot_moves_to_the_end_from_anywhere() {
        let mut links = vec![Links::UNLINKED; 3];
        let mut list = List::EMPTY;
        (0..3).for_each(|slot| list.append(&mut links, slot));
        list.move_to_end(&mut links, 1);
        assert_eq!(slots(&list, &links), [0, 2, 1]);
        list.move_to_end(&mut links, 0);
        assert_eq!(slots(&list, &links), [2, 1, 0]);
        list.move_to_end(&mut links, 0);
        assert_eq!(slots(&list, &links), [2, 1, 0]);
    }

    #[test]
    fn removed_slots_leave_no_trace() {
        let mut links = vec![Links::UNLINKED; 3];
        let mut list = List::EMPTY;
        (0..3).for_each(|slot| list.append(&mut links, slot));
        [1, 0, 2].into_iter().for_each(|slot| list.remove(&mut links, slot));
        assert_eq!(list.first(), None);
        list.append(&mut links, 1);
        assert_eq!(slots(&list, &links), [1]);
    }
}
