//! The first boot's scripts, run in a folder that stands for `/`: states, retries, cuts, hostile
//! values.

mod adapters;
mod ahead;
mod cloudinit;
mod customers;
mod cuts;
mod doors;
mod health;
mod hostile;
mod judges;
mod machine;
mod others;
mod settings;
mod sources;
mod states;
mod texts;
mod vendor;
