//! Apps, from their repositories to a store. Judges: npm, node, git.

mod pack;
mod refusals;
mod repository;
mod semver;
mod store;
