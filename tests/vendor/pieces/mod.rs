//! Images in stores, as pieces: what travels, what a killed or interrupted transfer leaves, and what hostile stores get.

mod fetch;
mod hostile;
pub mod stage;
mod upload;
