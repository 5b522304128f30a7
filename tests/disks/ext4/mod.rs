//! The ext4 writer, judged by e2fsck, debugfs, resize2fs and ext4-view, none of which we wrote.

mod fidelity;
mod folders;
mod growth;
mod image;
mod limits;
mod online;
mod placement;
mod random;
