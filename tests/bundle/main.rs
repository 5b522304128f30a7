//! Behaviour of bundles and stores, seen from outside the crate.
#![allow(clippy::unwrap_used)]

#[path = "../common/judge.rs"]
mod judge;

mod checks;
mod cli;
mod demo;
mod flow;
mod forge;
mod hostile;
mod http;
mod real;
mod sources;
#[path = "../common/vendor.rs"]
mod vendor;
