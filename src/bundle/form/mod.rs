//! What a bundle is.
//!
//! [`release`] has the names and where a store keeps what they name. [`manifest`] is what a bundle says about itself,
//! with [`parameter`]s that a customer sets; [`reading`] reads it, and asks [`needs`] and [`path`] whether it can be right.
//! [`archive`] is the one form in which files and manifest are a .tgz.

pub(crate) mod archive;
pub(super) mod manifest;
pub(super) mod needs;
pub(super) mod parameter;
pub(super) mod path;
mod reading;
pub(super) mod release;
