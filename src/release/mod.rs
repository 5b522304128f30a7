//! A customer's image release: made, verified, signed, published, fetched, and taken back.
//!
//! The way through: [`Staged`] is a build that may become a release; [`Staged::verify`] reads all of it and writes the
//! release's folder (`evidence` what explains the images, `sums` their digests, `beside` searches what is said beside the disk). [`Verified`] is such a folder in which
//! nothing is wrong: [`examine`] says what is, a [`Fault`] each. [`Release`] is the record that it holds, and
//! [`ReleasePointer`] a customer's channel in a store: [`Publisher`] puts a release there and turns the channel, [`Shelf`]
//! reads both. [`Stock`] knows which releases hold what is [`Wanted`]; [`rebuild()`] makes one again and compares, and [`attest()`] says so to others.
//! An image lies in a store as `pieces`, and so do long `texts`; `store` puts them there, `reading` reads them, and `fetch`
//! makes the image of them again. [`Outlet`] is a customer's channel with all that is needed to read and to change it.

mod believing;
mod beside;
mod evidence;
mod examine;
mod fault;
pub mod fetch;
mod maker;
mod making;
mod outlet;
pub mod pieces;
mod pointer;
mod provenance;
mod publish;
mod reading;
mod rebuild;
mod rebuilt;
mod record;
mod same;
mod several;
mod shelf;
mod staged;
mod stock;
pub mod store;
mod sums;
mod texts;
mod verified;
mod wanted;

pub use believing::Believing;
pub use evidence::{NOTES, NOTES_PAGE};
pub use examine::{Examined, SIGNATURE, claimed, compare, examine, examine_record};
pub use fault::{Fault, Rule};
pub use maker::Maker;
pub use making::Making;
pub use outlet::Outlet;
pub use pointer::{Lane, Place, ReleasePointer, is_release_of};
pub use provenance::{PAYLOAD, PROVENANCE, Provenance};
pub use publish::{DAYS, Published, Publisher, never_published};
pub use rebuild::{Compared, rebuild, work_folder};
pub use rebuilt::{REBUILT, Rebuilt, SUMMARY, Statement, attest, check as check_rebuilt};
pub use record::{Boot, FORMAT, Part, Previous, RECORD, Release, Tested};
pub use shelf::{Change, Current, Earlier, Shelf};
pub use staged::Staged;
pub use stock::{Held, Holder, Stock};
pub use verified::{FOLDER, Verified};
pub use wanted::Wanted;

pub use crate::signed::Allow;
