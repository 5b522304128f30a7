//! Additions to the base: each layer is a pure function from its inputs to tree entries.

pub mod config;
pub mod customer;
pub mod firstboot;
mod private;
pub mod puppet;
mod text;
