//! A customer's image release: made, verified, signed, published, fetched, and taken back.
//!
//! The way through: [`Staged`] is a build that may become a release; [`Staged::verify`] reads all of it and writes the
//! release's folder (`evidence` what explains the images, `sums` their digests). [`Verified`] is such a folder in which
//! nothing is wrong: [`examine`] says what is, a [`Fault`] each. [`Release`] is the record that it holds, and
//! [`ReleasePointer`] a customer's channel in a store.

mod evidence;
mod examine;
mod fault;
mod pointer;
mod record;
mod same;
mod staged;
mod sums;
mod verified;

pub use evidence::BUILD;
pub use examine::{Believing, Examined, SIGNATURE, examine};
pub use fault::{Fault, Rule};
pub use pointer::{ReleasePointer, file_key, is_release_of, lane};
pub use record::{Boot, FORMAT, Part, Previous, RECORD, Release, Tested};
pub use staged::Staged;
pub use verified::{FOLDER, Making, Verified};
