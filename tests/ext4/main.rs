//! The ext4 writer, judged by e2fsck, debugfs, resize2fs and ext4-view, none of which we wrote.

#![allow(clippy::unwrap_used)]

#[path = "../common/contents.rs"]
mod contents;
mod fidelity;
mod folders;
mod growth;
mod image;
mod limits;
mod online;
mod placement;
mod random;
