//! Behaviour of bundles and stores, seen from outside the crate.
#![allow(clippy::unwrap_used)]

mod demo;
mod flow;
mod forge;
mod hostile;
mod http;
