//! Code that the behaviour tests and the benchmarks share. Each of their programs uses some of it.
#![allow(dead_code, clippy::unwrap_used)]

pub mod appliance;
pub mod artifact;
pub mod bench;
pub mod bootable;
pub mod browser;
pub mod contents;
pub mod disk;
pub mod ends;
pub mod evidence;
pub mod foreign;
pub mod guest;
pub mod index;
pub mod judge;
pub mod master_root;
pub mod project;
pub mod readers;
pub mod servers;
pub mod slurm;
pub mod small;
pub mod vendor;
