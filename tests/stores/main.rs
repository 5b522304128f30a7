//! Stores of every kind against real servers on this machine, seen from outside the crate.
#![allow(clippy::unwrap_used)]

mod apps;
mod clouds;
mod secrets;
mod servers;
