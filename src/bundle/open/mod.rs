//! A bundle that exists: whether it is one that a build would have written ([`held`](mod@held)), its files in the cache
//! ([`unpack`](mod@unpack)), and how two differ ([`diff`](mod@diff)).

mod diff;
mod held;
mod unpack;

pub use diff::{Change, Diff, diff};
pub(super) use held::held;
pub use unpack::{Unpacked, unpack};
