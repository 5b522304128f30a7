//! The two ways through a store.
//!
//! [`publish`] puts a bundle there, its signature and its [`record`], and turns the channel's [`pointer`] to it last.
//! [`pull`] goes the other way for a [`reader`]: which release is meant and who says so, then its bytes ([`fetch`]).
//! Channels are remembered by [`signed`](crate::signed), releases by [`kept`]. [`list`](mod@list) and [`absent`] tell people
//! what is there.

mod absent;
mod fetch;
mod kept;
mod list;
mod pointer;
mod publish;
mod pull;
mod reader;
mod record;

pub use list::{Listed, list};
pub use pointer::{Pointer, pointers};
pub use publish::{DAYS, Published, Publisher};
pub use pull::Wanted;
pub use reader::{BundleReader, LARGEST_BUNDLE, Place};
pub use record::{Record, check_signature};
