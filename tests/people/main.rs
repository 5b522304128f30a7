//! What people write and read: profiles, and the verbs that they type.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod circles;
mod package;
mod pages;
mod profile_cli;
mod profile_inherit;
mod profile_packages;
mod profile_settings;
mod profile_shipped;
mod profile_strings;
mod profile_values;
mod reference;
mod rooms;
mod starter;
