//! Threads beside the working one: a machine that allows no more threads is an error, not a panic.

use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::error::{Context, Result};

/// Starts a thread that ends within the scope.
///
/// # Errors
/// The user, the container or the machine has reached its limit of threads.
pub fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    let started = Builder::new().spawn_scoped(scope, work);
    started.doing("cannot start a thread").map_err(|e| {
        e.remedy("end other programs of this user, or raise the limit (ulimit -u, TasksMax=)")
    })
}
