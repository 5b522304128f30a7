//! The local master, judged by the programs that it is for: shells, Ruby, Puppet, a real Puppet Server.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Stdio};

use slipway::layer::puppet::{Facts, configure, master_layer};
use slipway::profile::MasterMode;
use slipway::tree::{Node, Tree};
use slipway::units::Timestamp;

#[path = "support/master_root.rs"]
mod master_root;
#[path = "puppet/real.rs"]
mod real;

fn scripts() -> Vec<(String, String)> {
    let mut tree = Tree::new();
    let facts = Facts { mode: MasterMode::Apply, time: Timestamp::default() };
    configure(&mut tree, &facts).unwrap();
    let text = |content: &slipway::tree::Content| {
        String::from_utf8(content.read().unwrap().to_vec()).unwrap()
    };
    let files = tree.iter().filter_map(|(path, entry)| match &entry.node {
        Node::File(content) => Some((path.to_string(), text(content))),
        _ => None,
    });
    let layer = master_layer(&["puppetserver".to_owned()]).unwrap();
    let made = layer.files.into_iter().map(|(p, _, bytes)| (p, String::from_utf8(bytes).unwrap()));
    files.chain(made).filter(|(path, _)| path.starts_with("/usr/lib/slipway/")).collect()
}

#[test]
fn the_shell_scripts_are_clean_for_shellcheck() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for (path, text) in scripts() {
        if !text.starts_with("#!/bin/sh") && !path.ends_with(".sh") {
            continue;
        }
        let here = folder.path().to_str().unwrap();
        let text = text.replace("/usr/lib/slipway/", &format!("{here}/"));
        let text = text.replace("/etc/slipway/master.env", &format!("{here}/master.env"));
        std::fs::write(folder.path().join(path.rsplit('/').next().unwrap()), text).unwrap();
        seen += 1;
    }
    std::fs::write(
        folder.path().join("master.env"),
        "# shellcheck shell=sh\nexport SLIPWAY_MASTER=apply\n",
    )
    .unwrap();
    assert!(seen > 8, "only {seen} scripts");
    let files = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path());
    let output = Command::new("shellcheck").arg("-x").args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_shell_scripts_are_read_by_dash() {
    for (path, text) in scripts().iter().filter(|(_, text)| text.starts_with("#!/bin/sh")) {
        let mut child = Command::new("dash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{path}");
    }
}
