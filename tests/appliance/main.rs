//! From a base to a machine that runs: bases, images, the first boot, the local master, real boots.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod base;
mod boots;
mod build;
mod firstboot;
mod image;
mod ordinary;
mod pipeline;
mod puppet;
mod smoke;
