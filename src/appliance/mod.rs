//! What a machine says about itself, and how it is asked: by an address, with or without QEMU.
//!
//! Three ways lead out of a machine, and a file is for each. Its serial console has one JSON line for each change of
//! state and each probe ([`mod@line`], [`state`]), between which the kernel complains ([`kernel`]). Its status page has
//! the same state for everybody, with who the machine is ([`page`]). Its application is asked the profile's probes
//! ([`check`]). The last two go over HTTP ([`http`]) to an [`Address`]; a [`Way`] says which address leads to a port.
//!
//! Who waits, how long, and what it means is up to the caller: `smoke` waits for a machine that it started itself.

pub mod check;
pub mod http;
pub mod kernel;
pub mod line;
pub mod page;
pub mod state;

pub use http::{Address, Way};
pub use page::{Identity, Page, STATUS_PORT};
pub use state::{Run, State, StateLine};
