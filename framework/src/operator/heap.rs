//! A binary heap with the tie order of `java.util.PriorityQueue`.
//!
//! Java leaves the order of equal priorities unspecified but deterministic; which of two partitions with
//! equal timestamps goes first shows in the results, so it is matched.

/// A min-heap in an array: equal priorities keep the array order that Java's sifting gives them.
#[derive(Debug, Clone)]
pub(crate) struct JavaHeap<T> {
    items: Vec<(i64, T)>,
}

impl<T> Default for JavaHeap<T> {
    fn default() -> Self {
        JavaHeap { items: Vec::new() }
    }
}

impl<T> JavaHeap<T> {
    /// Adds at the end and sifts up while strictly smaller than the parent.
    pub(crate) fn push(&mut self, priority: i64, item: T) {
        let mut at = self.items.len();
        self.items.push((priority, item));
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.items[at].0 >= self.items[parent].0 {
                break;
            }
            self.items.swap(at, parent);
            at = parent;
        }
    }

    /// The smallest priority.
    pub(crate) fn peek(&self) -> Option<(i64, &T)> {
        self.items.first().map(|(priority, item)| (*priority, item))
    }

    /// Every item, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(_, item)| item)
    }

    /// Removes the root: the last element takes its place and sifts down, to the left child unless the
    /// right one is strictly smaller.
    pub(crate) fn pop(&mut self) -> Option<(i64, T)> {
        if self.items.is_empty() {
            return None;
        }
        let root = self.items.swap_remove(0);
        self.sift_down();
        Some(root)
    }

    fn sift_down(&mut self) {
        let mut at = 0;
        loop {
            let left = 2 * at + 1;
            if left >= self.items.len() {
                return;
            }
            let right = left + 1;
            let smaller =
                if right < self.items.len() && self.items[right].0 < self.items[left].0 { right } else { left };
            if self.items[at].0 <= self.items[smaller].0 {
                return;
            }
            self.items.swap(at, smaller);
            at = smaller;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pops_in_order_of_priority() {
        let mut heap = JavaHeap::default();
        for priority in [5, 1, 4, 1, 3] {
            heap.push(priority, priority);
        }
        let order: Vec<i64> = std::iter::from_fn(|| heap.pop()).map(|(priority, _)| priority).collect();
        assert_eq!(order, [1, 1, 3, 4, 5]);
    }

    #[test]
    fn ties_come_as_java_sifts_them() {
        let mut heap = JavaHeap::default();
        for name in ["a", "b", "c", "d"] {
            heap.push(0, name);
        }
        // The last element moves to the root and stays there, since no child is strictly smaller.
        let order: Vec<&str> = std::iter::from_fn(|| heap.pop()).map(|(_, name)| name).collect();
        assert_eq!(order, ["a", "d", "c", "b"]);
    }
}
