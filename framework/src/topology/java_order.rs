//! Iteration orders of Java's collections, for descriptions that are equal to the letter.
//!
//! `Topology.describe()` of Kafka Streams walks hash sets and fills tree sets whose comparator changes while
//! they are filled, so its text depends on how `java.util.HashMap` and `java.util.TreeMap` work. Nothing but
//! descriptions and the order of a node's stores rests on this.

use std::cmp::Ordering;

/// `String.hashCode()`.
fn hash_code(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

/// The strings in the order in which a `HashSet` that they were added to, one by one, iterates.
pub(crate) fn hash_order<T: AsRef<str>>(items: Vec<T>) -> Vec<T> {
    let mut buckets = 16;
    while items.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    let bucket = |item: &T| {
        let hash = hash_code(item.as_ref());
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    };
    let mut items = items;
    items.sort_by_key(bucket);
    items
}

/// A `TreeSet`: a red-black tree filled under an order that may change between insertions.
#[derive(Debug, Default)]
pub(crate) struct TreeOrder {
    nodes: Vec<TreeNode>,
    root: Option<usize>,
}

#[derive(Debug)]
struct TreeNode {
    item: usize,
    red: bool,
    parent: Option<usize>,
    /// Left and right child.
    child: [Option<usize>; 2],
}

impl TreeOrder {
    /// Inserts `item` where `compare(item, other)` leads at this moment.
    pub(crate) fn insert(&mut self, item: usize, compare: impl Fn(usize, usize) -> Ordering) {
        let (mut at, mut parent, mut side) = (self.root, None, 0);
        while let Some(index) = at {
            side = match compare(item, self.nodes[index].item) {
                Ordering::Equal => return,
                Ordering::Less => 0,
                Ordering::Greater => 1,
            };
            parent = Some(index);
            at = self.nodes[index].child[side];
        }
        let new = self.nodes.len();
        self.nodes.push(TreeNode { item, red: true, parent, child: [None, None] });
        match parent {
            None => self.root = Some(new),
            Some(parent) => self.nodes[parent].child[side] = Some(new),
        }
        self.rebalance(new);
    }

    fn rebalance(&mut self, mut at: usize) {
        while let Some(mut parent) = self.nodes[at].parent.filter(|&parent| self.nodes[parent].red) {
            let Some(grandparent) = self.nodes[parent].parent else { break };
            let side = self.side(parent);
            let uncle = self.nodes[grandparent].child[1 - side];
            if let Some(uncle) = uncle.filter(|&uncle| self.nodes[uncle].red) {
                self.nodes[parent].red = false;
                self.nodes[uncle].red = false;
                self.nodes[grandparent].red = true;
                at = grandparent;
                continue;
            }
            if self.side(at) != side {
                self.rotate(parent, side);
                (at, parent) = (parent, at);
            }
            self.nodes[parent].red = false;
            self.nodes[grandparent].red = true;
            self.rotate(grandparent, 1 - side);
        }
        if let Some(root) = self.root {
            self.nodes[root].red = false;
        }
    }

    /// 0 if the node is a left child, 1 if it is a right one.
    fn side(&self, at: usize) -> usize {
        match self.nodes[at].parent {
            Some(parent) if self.nodes[parent].child[1] == Some(at) => 1,
            _ => 0,
        }
    }

    /// Moves the child on the other side of `side` up into the place of `at`.
    fn rotate(&mut self, at: usize, side: usize) {
        let Some(up) = self.nodes[at].child[1 - side] else { return };
        let inner = self.nodes[up].child[side];
        self.nodes[at].child[1 - side] = inner;
        if let Some(inner) = inner {
            self.nodes[inner].parent = Some(at);
        }
        let parent = self.nodes[at].parent;
        self.nodes[up].parent = parent;
        match parent {
            None => self.root = Some(up),
            Some(parent) => {
                let side = self.side(at);
                self.nodes[parent].child[side] = Some(up);
            }
        }
        self.nodes[up].child[side] = Some(at);
        self.nodes[at].parent = Some(up);
    }

    /// The items from left to right.
    pub(crate) fn items(&self) -> Vec<usize> {
        let mut items = Vec::with_capacity(self.nodes.len());
        self.walk(self.root, &mut items);
        items
    }

    fn walk(&self, at: Option<usize>, items: &mut Vec<usize>) {
        if let Some(at) = at {
            self.walk(self.nodes[at].child[0], items);
            items.push(self.nodes[at].item);
            self.walk(self.nodes[at].child[1], items);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_codes_are_javas() {
        assert_eq!(hash_code("KSTREAM-SOURCE-0000000000") as i32, {
            let mut hash = 0i32;
            for byte in b"KSTREAM-SOURCE-0000000000" {
                hash = hash.wrapping_mul(31).wrapping_add(i32::from(*byte));
            }
            hash
        });
        assert_eq!(hash_code("hello") as i32, 99_162_322);
    }

    #[test]
    fn a_steady_order_sorts() {
        let mut tree = TreeOrder::default();
        for item in [5, 3, 9, 1, 4, 8, 7, 2, 6, 0] {
            tree.insert(item, |a, b| a.cmp(&b));
        }
        assert_eq!(tree.items(), (0..10).collect::<Vec<_>>());
    }
}
