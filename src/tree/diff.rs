//! What turns one tree into another.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Tree, TreePath};

/// A difference: what a layer adds, changes and takes away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// New and changed entries.
    pub put: BTreeMap<TreePath, Entry>,
    /// Removed names; each is listed, including those below a removed folder.
    pub removed: BTreeSet<TreePath>,
}

impl Layer {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.removed.is_empty()
    }
}

/// What turns `base` into `new`.
///
/// An entry that differs in its time alone is left as `base` has it: a package manager that
/// rewrites the same bytes, or a folder in which a file came and went, would otherwise touch
/// thousands of entries that every image shares.
pub fn diff(base: &Tree, new: &Tree) -> Layer {
    let changed = |(path, entry): &(&TreePath, &Entry)| {
        base.get(path).is_none_or(|before| !same_but_for_time(before, entry))
    };
    Layer {
        put: new.iter().filter(changed).map(|(p, e)| (p.clone(), e.clone())).collect(),
        removed: base.iter().map(|(p, _)| p).filter(|p| new.get(p).is_none()).cloned().collect(),
    }
}

/// Puts the difference onto a tree. It takes both by value: copying tens of thousands of entries
/// costs more than everything else that is done to them.
pub fn apply(mut tree: Tree, layer: Layer) -> Tree {
    for path in &layer.removed {
        tree.remove(path);
    }
    for (path, entry) in layer.put {
        tree.insert(path, entry);
    }
    tree
}

fn same_but_for_time(a: &Entry, b: &Entry) -> bool {
    let attributes = |e: &Entry| (e.meta.mode, e.meta.uid, e.meta.gid);
    attributes(a) == attributes(b) && a.meta.xattrs == b.meta.xattrs && a.node == b.node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Timestamp;

    fn tree(files: &[(&str, &str)], seconds: i64) -> Tree {
        let mut tree = Tree::new();
        for (path, text) in files {
            tree.put_file(path, 0o644, Timestamp::from_seconds(seconds), *text).unwrap();
        }
        tree
    }

    #[test]
    fn applying_the_difference_gives_the_new_tree() {
        let base = tree(&[("/a", "1"), ("/b/c", "2"), ("/b/d", "3")], 1);
        let new = tree(&[("/a", "1"), ("/b", "now a file"), ("/e/f", "5")], 1);
        let layer = diff(&base, &new);
        assert_eq!(layer.removed.len(), 2);
        assert_eq!(apply(base, layer), new);
    }

    #[test]
    fn entries_that_differ_in_time_alone_stay_as_they_are() {
        let base = tree(&[("/a/b", "1")], 1);
        assert!(diff(&base, &tree(&[("/a/b", "1")], 2)).is_empty());
        let layer = diff(&base, &tree(&[("/a/b", "2")], 2));
        assert_eq!(layer.put.len(), 1);
    }
}
