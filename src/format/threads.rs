//! Threads beside the one that works: a machine that gives no more of them is an error, and no panic.

use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::error::{Context, Result};

/// Starts one that ends within the scope.
///
/// # Errors
/// The user, the container or the machine has as many as are allowed.
pub fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    let started = Builder::new().spawn_scoped(scope, work);
    started.doing("cannot start a thread").map_err(|e| {
        e.remedy("end other programs of this user, or raise the limit (ulimit -u, TasksMax=)")
    })
}
