//! The first-boot converge.
