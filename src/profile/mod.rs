//! The customer's file.

mod types;

pub use types::{
    Access, Branding, Customer, ExtraFile, Format, Hardware, Master, MasterMode, Network, Probe,
    Profile, System,
};
