//! The local master, judged by the programs that use it: shells, Ruby, Puppet, a real Puppet
//! Server.

use std::io::Write;
use std::process::{Command, Stdio};

use slipway::layer::puppet::{MasterFacts, configure, master_layer};
use slipway::profile::MasterMode;
use slipway::tree::{Node, Tree};
use slipway::units::Timestamp;

mod ahead;
mod real;
mod report;

fn scripts() -> Vec<(String, String)> {
    let mut tree = Tree::new();
    let facts = MasterFacts { mode: MasterMode::Apply, time: Timestamp::default() };
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

/// Copies a shipped script, with its paths redirected into `folder`, beside a `systemctl` that
/// records how it is called.
fn beside_fakes(name: &str, folder: &std::path::Path, systemctl: &str) -> Command {
    let (_, text) = scripts().into_iter().find(|(path, _)| path.ends_with(name)).unwrap();
    let here = folder.to_str().unwrap();
    let text = text.replace("/etc/slipway/master.env", &format!("{here}/master.env"));
    std::fs::write(folder.join("master.env"), "SLIPWAY_MASTER=puppetserver\n").unwrap();
    let note = format!("#!/bin/sh\necho \"$*\" >>{here}/calls\n{systemctl}\n");
    for (file, text) in [("script", text), ("systemctl", note)] {
        std::fs::write(folder.join(file), text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.join(file), mode).unwrap();
    }
    let mut command = Command::new(folder.join("script"));
    command.env("PATH", format!("{here}:/usr/sbin:/usr/bin:/sbin:/bin"));
    command
}

#[test]
fn a_server_that_was_begun_before_its_certificates_is_started_once_more_and_no_other() {
    for (state, ends, starts) in [("activating", 0, 2), ("inactive", 1, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let fake = format!(
            "case \"$*\" in show*ActiveState*) echo {state} ;; 'start '*) \
             [ \"$(grep -c '^start' \"${{0%/*}}/calls\")\" = 2 ] ;; esac"
        );
        let output = beside_fakes("/master-start", folder.path(), &fake).output().unwrap();
        assert_eq!(output.status.code(), Some(ends), "{state}: {output:?}");
        let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
        assert_eq!(calls.matches("start puppetserver.service").count(), starts, "{calls}");
    }
}

#[test]
fn to_begin_the_server_is_not_to_wait_for_it_nor_to_judge_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut begin = beside_fakes("/master-start", folder.path(), "exit 1");
    assert!(begin.arg("--begin").status().unwrap().success());
    let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
    assert_eq!(calls, "--no-block start puppetserver.service\n");
}

/// What Puppet's autoloader does with a file: it announces it and reads it.
const AUTOLOADER: &str = r#"
def autoload!(file)
  $LOADED_FEATURES << file unless $LOADED_FEATURES.include?(file)
  Kernel.load(file)
end
$read = []
"#;

#[test]
fn an_announced_file_is_read_once_and_known_and_every_other_is_read_as_before() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        let text = format!("$read << '{name}'\n");
        std::fs::write(folder.path().join(format!("{name}.rb")), text).unwrap();
    }
    std::fs::write(folder.path().join("bad.rb"), "raise 'bad'\n").unwrap();
    let (_, shipped) = scripts().into_iter().find(|(p, _)| p.ends_with("/autoload.rb")).unwrap();
    let story = r##"
autoload!("#{DIR}/a.rb")
p [$read, $LOADED_FEATURES.include?("#{DIR}/a.rb"), require("#{DIR}/a.rb")]
autoload!("#{DIR}/a.rb") # what changed is read again
p $read
Kernel.load("#{DIR}/b.rb")
Kernel.load("#{DIR}/b.rb")
p [$read, $LOADED_FEATURES.include?("#{DIR}/b.rb")]
$LOADED_FEATURES << "#{DIR}/never.rb"
$LOADED_FEATURES << "#{DIR}/c.rb"
p $LOADED_FEATURES.include?("#{DIR}/never.rb")
Kernel.load("#{DIR}/b.rb") # not the announced one
Kernel.load("#{DIR}/c.rb", true) # in a module of its own
p $read
begin
  autoload!("#{DIR}/bad.rb")
rescue RuntimeError => e
  p e.message
end
"##;
    let told = |with: &str| {
        let text = format!("DIR = '{}'\n{AUTOLOADER}{with}{story}", folder.path().display());
        let output = Command::new("ruby").arg("-e").arg(text).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(told(&shipped), told(""), "with it and without it, a file's reader sees the same");
    assert!(told(&shipped).starts_with("[[\"a\"], true, false]\n"));
}

#[test]
fn the_index_of_what_is_loaded_is_not_made_anew_for_each_announced_file() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..60 {
        std::fs::write(folder.path().join(format!("{n}.rb")), "require 'set'\n").unwrap();
    }
    let (_, shipped) = scripts().into_iter().find(|(p, _)| p.ends_with("/autoload.rb")).unwrap();
    let links = |with: &str| {
        let text = format!(
            "require 'set'\n{AUTOLOADER}{with}\n60.times {{ |n| autoload!(\"{}/#{{n}}.rb\") }}",
            folder.path().display()
        );
        let trace = folder.path().join("trace");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=readlink,readlinkat,lstat,newfstatat", "-o"]).arg(&trace);
        assert!(strace.args(["ruby", "-e", &text]).status().unwrap().success());
        std::fs::read_to_string(&trace).unwrap().lines().count()
    };
    let (with, without) = (links(&shipped), links(""));
    assert!(with * 3 < without || without < 5_000, "{with} system calls, without it {without}");
}
