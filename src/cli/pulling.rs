//! How bundles are pulled, as arguments.

use crate::bundle::Allow;
use crate::desk::Pulling;

/// Every verb that pulls flattens this into its arguments.
#[derive(Debug, clap::Args)]
// the group would have the struct's name, which those of other rooms have too
#[group(skip)]
pub(super) struct Options {
    /// Ask no store: use what was pulled last, if it is still valid
    #[arg(long)]
    offline: bool,
    /// Accept a channel's state that is older than one seen before, and start again from it
    #[arg(long)]
    allow_rollback: bool,
    /// Accept a channel's state that has expired
    #[arg(long)]
    allow_expired: bool,
}

impl Options {
    /// The library's form.
    pub fn read(&self) -> Pulling {
        let allow = Allow { rollback: self.allow_rollback, expired: self.allow_expired };
        Pulling { offline: self.offline, allow }
    }
}
