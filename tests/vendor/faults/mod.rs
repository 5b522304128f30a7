//! A failing network between us and a store: the result is right, or the error says clearly why
//! not.
//!
//! Every run follows from its seed. `SLIPWAY_SEED=17 cargo test --test vendor faults:: --
//! --nocapture` runs only seed 17, and shows the faults that it met.

mod clock;
mod fault;
mod files;
mod forward;
mod http;
mod proxy;
mod publishes;
mod pulls;
mod regressions;
mod releases;
mod stage;
mod tally;
