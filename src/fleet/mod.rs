//! A night: every customer's image planned, built, checked, booted; written down so that it can be killed at any moment,
//! and shown so that one page says in the morning what changed, what failed and why.
//!
//! The way through: `policy` is nightly.toml; `call` goes through one call of it. A `job` is a value with a digest;
//! [`Night`] says from what happened what is next, and is pure. `engine` runs that with threads, within `limits`; what
//! it runs are [`Steps`], and `here`, `bases`, `booting` and `releasing` are those of this machine, `there` what they find done. `ground` is where nights are written down, `shard`
//! which part of the customers is done, `cluster` what schedulers of many machines are given, `bill` what is in an image, `estimate` how long all will take, [`report`] what is
//! shown, `end` how it is
//! concluded, `prune` what is removed then.

mod bases;
mod bill;
mod booting;
mod call;
mod cluster;
mod end;
mod engine;
mod estimate;
mod ground;
mod here;
mod job;
mod limits;
mod night;
mod outlook;
mod policy;
mod prune;
mod releasing;
pub mod report;
mod shard;
mod standing;
mod step;
mod there;

pub use bill::{Bill, Change, Changes};
pub use call::{Call, Left, customers, earlier, estimates, names, night, read, report_again};
pub use cluster::{Script, Shared, array};
pub use end::{Conclusion, conclude};
pub use engine::{Engine, Keeper, Steps, Watch};
pub use estimate::Estimates;
pub use ground::{FOLDER, Ground, Past, Written};
pub use here::{Here, Tools};
pub use job::{
    Began, Blame, Booted, Did, Ending, Event, Evidence, Job, Kept, Outcome, Planned, Released,
    Rules, Target,
};
pub use limits::{Allowed, Choice, Free};
pub use night::Night;
pub use outlook::Outlook;
pub use policy::{
    Bases, FILE, Keep, Limits, Notify, Policy, Refresh, Releasing, SCHEMA_FILE, STARTER, Smoke,
    When, Which, init, schema,
};
pub use report::Report;
pub use shard::Shard;
pub use standing::Standing;
pub use step::Step;
