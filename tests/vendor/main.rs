//! The vendor's pipeline: apps, bundles, keys, signed channels, stores, and networks that fail.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod apps;
mod bundle;
mod difference;
mod faults;
mod handover;
mod key;
mod leaks;
mod nightly;
mod pieces;
mod plans;
mod release;
mod signed;
mod stores;
mod strangers;
mod together;
