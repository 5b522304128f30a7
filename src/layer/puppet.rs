//! The local master.
