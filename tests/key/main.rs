//! Keys, signatures and the file of trusted keys, judged by `ssh-keygen`.
#![allow(clippy::unwrap_used)]

mod cli;
mod openssh;
