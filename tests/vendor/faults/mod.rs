//! A network that fails, between us and a store: what ends is right or says clearly why not.
//!
//! Every run follows from its seed. `SLIPWAY_SEED=17 cargo test --test vendor faults:: -- --nocapture` is run 17 alone,
//! with what it met.

mod clock;
mod fault;
mod files;
mod forward;
mod http;
mod proxy;
mod publishes;
mod pulls;
mod regressions;
mod stage;
mod tally;
