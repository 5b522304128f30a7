//! The root filesystem: ext4 as a pure function of a tree.
