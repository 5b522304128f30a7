//! The disk, its filesystems and formats, and the readers of foreign images, with judges that we
//! did not write.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod convert;
mod customers;
mod disk;
mod encode;
mod ext4;
mod formats_plain;
mod inspect;
mod leaks;
mod lint;
mod ova;
mod readers;
mod walk;
