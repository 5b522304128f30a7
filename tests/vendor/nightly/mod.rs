//! `slipway nightly`: a night as a state machine, as a program that is killed, and as the reports that it writes.

mod cluster;
mod machine;
mod nights;
mod releases;
mod reports;
mod rounds;

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::common::small::{bundle, project, publish, slipway};

/// A project with these customers of the site tiny, and a policy.
pub fn fleet(folder: &Path, customers: &[&str], policy: &str) {
    project(folder);
    publish(folder, &bundle(folder, "1"));
    std::fs::rename(folder.join("profiles/tiny.toml"), folder.join("tiny")).unwrap();
    for name in customers {
        customer(folder, name, "");
    }
    std::fs::write(folder.join("nightly.toml"), policy).unwrap();
}

/// Writes a customer's profile, with some lines more at its end.
pub fn customer(folder: &Path, name: &str, more: &str) {
    let text = std::fs::read_to_string(folder.join("tiny")).unwrap();
    let text = text.replace("\"Tiny\"", &format!("\"{name} Ltd\""));
    std::fs::write(folder.join(format!("profiles/{name}.toml")), text + more).unwrap();
}

/// What no test of these boots.
pub const UNBOOTED: &str = "[smoke]\nwhich = \"none\"\nreason = \"nothing in this base runs\"\n\
                            [limits]\nfree_disk = \"1 MiB\"\n";

/// Runs a night; returns what it said, and its report.
pub fn night(folder: &Path, arguments: &[&str]) -> (Output, Value) {
    let output = slipway(folder, &[&["nightly"], arguments].concat()).output().unwrap();
    let report = std::fs::read(folder.join("out/nightly/report.json")).unwrap_or_default();
    println!("{}", String::from_utf8_lossy(&output.stderr));
    (output, serde_json::from_slice(&report).unwrap_or_default())
}

/// Each customer with its verdict.
pub fn verdicts(report: &Value) -> Vec<String> {
    let customers = report["customers"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    customers
        .map(|c| {
            let (name, verdict, step) = (&c["customer"], &c["verdict"], text(&c["failed_at"]));
            format!("{} {} {step}", text(name), text(verdict)).trim_end().to_owned()
        })
        .collect()
}
