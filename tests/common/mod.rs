//! What the behaviour tests share. Each test file is a crate of its own and uses some of it.
#![allow(dead_code, clippy::unwrap_used)]

pub mod appliance;
pub mod artifact;
pub mod bench;
pub mod bootable;
pub mod contents;
pub mod disk;
pub mod foreign;
pub mod guest;
pub mod judge;
pub mod project;
pub mod readers;
