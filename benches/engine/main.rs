//! The cost of an image, as ratios to other programs in the same run, on this machine.
//!
//! `scripts/bench-engine` runs it; `--small` takes a small site, one round and three customers:
//! that is only for the tests, which check that the command works; nobody should read its figures.

#![allow(clippy::unwrap_used, missing_docs)]

mod archive;
#[path = "../../tests/common/mod.rs"]
mod common;
mod curve;
mod disk_rows;
mod image_rows;
mod inputs;
mod run;
mod table;

use std::path::PathBuf;

use inputs::{Inputs, Scale};

fn main() {
    // cargo passes --bench
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench").peekable();
    let scale = match args.next_if(|a| a == "--small") {
        Some(_) => Scale { site: "tiny", rounds: 1, customers: 3 },
        None => Scale { site: "demo", rounds: 5, customers: 50 },
    };
    let folder =
        args.next().map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let inputs = Inputs::make(scale, &folder);
    // rows go to stderr as they come, so that a long run that fails late has still reported them;
    // the whole goes to stdout
    let mut rows = disk_rows::all(&inputs);
    eprintln!("{}", table::markdown(&rows));
    rows.extend(image_rows::all(&inputs));
    eprintln!("{}", table::markdown(&rows));
    let curve = curve::Curve::measure(&inputs);
    rows.extend(curve.rows());
    println!("{}", inputs.description());
    println!("{}", table::markdown(&rows));
    println!("{}", curve.markdown());
    if let Some(path) = args.next() {
        std::fs::write(&path, curve.svg()).unwrap();
    }
}
