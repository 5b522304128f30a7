//! A customer's image release: made, verified, signed, published, fetched, and taken back.
//!
//! The way through: [`Release`] is the record that a release's folder holds; [`ReleasePointer`] is a customer's channel in
//! a store.

mod pointer;
mod record;

pub use pointer::{ReleasePointer, file_key, is_release_of, lane};
pub use record::{Boot, FORMAT, Part, Previous, RECORD, Release, Tested};
