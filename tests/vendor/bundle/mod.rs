//! Behaviour of bundles and stores, seen from outside the crate.

mod catalog;
mod checks;
mod cli;
mod demo;
mod flow;
mod forge;
mod hostile;
mod http;
mod real;
mod sources;
mod whole;
