//! The first boot's scripts, run in a folder that stands for `/`: states, retries, cuts, hostile values.

#![allow(clippy::unwrap_used)]

mod customers;
mod cuts;
mod judges;
mod machine;
mod others;
mod states;
mod texts;
