//! Apps, from their repositories to a store. Judges: npm, node, git.
#![allow(clippy::unwrap_used)]

#[path = "../common/judge.rs"]
#[allow(dead_code)]
mod judge;

mod pack;
mod refusals;
mod repository;
mod semver;
mod store;
