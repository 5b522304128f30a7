//! Stores of every kind against real servers on this machine, seen from outside the crate.

mod apps;
mod clouds;
mod conditions;
mod redirects;
mod secrets;
