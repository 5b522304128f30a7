//! Signed pointers: the one small object of a channel that changes, and what was last seen of it.
//!
//! The way through: a [`Payload`] is what a kind of pointer says; a bundle's is `bundle::Pointer`. [`sign`] puts it into
//! its envelope. Who reads goes three steps ([`Claim`], [`Proven`], [`Accepted`]), each of which takes the one before, so
//! that nothing uses what was not proven; [`Refusal`] says why a step was not taken. [`Memory`] keeps the newest that was
//! accepted ([`Seen`]), in files that notice damage (`kept`). [`Asking`] goes all of this way with a store, and without
//! one; [`Pointing`] turns a channel to something else.
//!
//! Another kind of pointer is another `Payload`, with a [`Namespace`](crate::key::Namespace) and a folder of its own: its
//! signatures pass for no other kind's, and neither its objects nor what is remembered of them meet others.

mod ask;
mod claim;
pub(crate) mod kept;
mod memory;
mod payload;
mod point;
mod refusal;
mod seen;

pub use ask::Asking;
pub use claim::{Accepted, Allow, Claim, LARGEST, Proven, Signed, sign};
pub use kept::Names;
pub use memory::{Found, Last, Memory};
pub use payload::{Channel, Payload};
pub use point::Pointing;
pub use refusal::Refusal;
pub use seen::Seen;
