//! Slipway turns one small text file per customer into a bootable virtual appliance.
//!
//! The way of the data, in one direction: a profile (what the customer asked) is resolved into a plan
//! (everything pinned), a base and its layers become a tree, the tree becomes a disk, the disk is
//! written in the formats that were asked for. A file imports only from the rooms listed above it.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod app;
pub mod appliance;
pub mod apt;
pub mod base;
pub mod blob;
pub mod build;
pub mod bundle;
pub mod cli;
pub mod command;
pub mod console;
pub mod convert;
pub mod desk;
pub mod difference;
pub mod disk;
pub mod doctor;
pub mod error;
mod file;
pub mod fleet;
pub mod format;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod gzip;
pub mod inspect;
pub mod inventory;
pub mod journal;
pub mod key;
pub mod layer;
pub mod leak;
pub mod lint;
mod lock;
pub mod manifest;
pub mod pack;
pub mod plan;
pub mod platform;
pub mod profile;
pub mod progress;
pub mod project;
pub mod release;
pub mod signed;
pub mod smoke;
pub mod starter;
mod template;
pub mod tree;
pub mod units;
mod whole;
mod written;
