//! Behaviour of bundles and stores, seen from outside the crate.
#![allow(clippy::unwrap_used)]

mod cli;
mod demo;
mod flow;
mod forge;
mod hostile;
mod http;
#[path = "../common/vendor.rs"]
mod vendor;
