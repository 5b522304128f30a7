//! Keys, signatures and the file of trusted keys, judged by `ssh-keygen`.

mod cli;
mod lines;
mod openssh;
