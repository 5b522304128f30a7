//! A root with the master's layer and configuration, as a folder in which programs run: as root, or
//! as an ordinary user in a user namespace. Shared by tests/puppet.rs and benches/master.rs.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use slipway::base::{Cache, Definition};
use slipway::layer::puppet::{MasterFacts, configure, master_layer};
use slipway::profile::MasterMode;
use slipway::progress::Quiet;
use slipway::tree::{Tree, tar};
use slipway::units::Timestamp;

/// Runs in the root before the caller's script: no network but loopback.
const ENTER: &str = r#"
set -eu
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs tmpfs "$ROOT/run"
ip link set lo up
exec chroot "$ROOT" /usr/bin/env -i LC_ALL=C.UTF-8 HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -euc "$SCRIPT"
"#;

/// Functions for callers' scripts: a stand-in for the unit, which uses its own start and wait
/// commands.
const LIBRARY: &str = r#"
export RUNTIME_DIRECTORY=/run/puppetserver
as_puppet() {
    setpriv --reuid puppet --regid puppet --init-groups env HOME=/var/lib/puppet "$@"
}
# serve COMMAND...: starts it in the background as the unit would, gives MAINPID, waits until it answers
serve() {
    rm -rf "$RUNTIME_DIRECTORY"
    mkdir "$RUNTIME_DIRECTORY"
    printf 0 >"$RUNTIME_DIRECTORY/restart"
    chown -R puppet: "$RUNTIME_DIRECTORY"
    setpriv --reuid puppet --regid puppet --init-groups env HOME=/var/lib/puppet "$@" >/run/server.out 2>&1 &
    export MAINPID=$!
    /usr/lib/slipway/master-wait || { cat /run/server.out; tail -n 20 /var/log/puppetserver/puppetserver.log; exit 1; } >&2
}
unserve() {
    kill "$MAINPID"
    wait "$MAINPID" || :
}
"#;

/// The folder, locked for this process.
pub struct MasterRoot {
    folder: PathBuf,
    /// The tree that the folder was made from.
    pub tree: Tree,
    _lock: File,
}

impl MasterRoot {
    /// Takes base and layer from the cache (or makes them), and puts them into the build folder
    /// unless they are still there from the last run.
    pub fn open(base: &str) -> Self {
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let cache = Cache::open(cache_folder()).unwrap();
        let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
        let definition = Definition::find(images, base).unwrap();
        let bare = cache.ensure(&definition, &Quiet).unwrap();
        let layer = master_layer(&definition.puppet.server).unwrap();
        let root = cache.ensure_layer(bare, &layer, &Quiet).unwrap();
        let lock = File::create(tmp.join(format!("master-{base}.lock"))).unwrap();
        lock.lock().unwrap();
        let mut tree = root.tree.clone();
        let facts = MasterFacts { mode: MasterMode::Puppetserver, time: root.time };
        configure(&mut tree, &facts).unwrap();

        let opened = Self { folder: tmp.join(format!("master-{base}")), tree, _lock: lock };
        let stamp = tmp.join(format!("master-{base}.stamp"));
        if fs::read_to_string(&stamp).is_ok_and(|s| s == root.digest.to_string()) {
            opened.extract(&configuration());
        } else {
            opened.wipe();
            opened.extract(&opened.tree);
            fs::write(stamp, root.digest.to_string()).unwrap();
        }
        opened
    }

    /// Runs a script for `sh -eu` in the root, with [`LIBRARY`] available.
    pub fn run(&self, script: &str) -> Output {
        let script = format!("{LIBRARY}\n{script}");
        namespace(&["--mount", "--net", "--pid", "--kill-child"])
            .args(["sh", "-c", ENTER])
            .env("ROOT", &self.folder)
            .env("SCRIPT", script)
            .output()
            .unwrap()
    }

    /// Runs a script that must end with 0; returns its output.
    pub fn stdout(&self, script: &str) -> String {
        let output = self.run(script);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{}\n{errors}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    fn extract(&self, tree: &Tree) {
        fs::create_dir_all(&self.folder).unwrap();
        let mut child = namespace(&[])
            .args(["tar", "-x", "--numeric-owner", "--exclude=./dev/*", "-C"])
            .arg(&self.folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        tar::write(tree, &mut pipe).unwrap();
        pipe.flush().unwrap();
        drop(pipe);
        assert!(child.wait().unwrap().success());
    }

    fn wipe(&self) {
        if self.folder.exists() {
            let status = namespace(&[]).args(["rm", "-rf"]).arg(&self.folder).status().unwrap();
            assert!(status.success());
        }
    }
}

/// Only the configuration: the scripts may have changed since the root was put there.
fn configuration() -> Tree {
    let mut tree = Tree::new();
    let facts = MasterFacts { mode: MasterMode::Puppetserver, time: Timestamp::default() };
    tree.put_file("/usr/bin/puppetserver", 0o755, facts.time, "").unwrap();
    configure(&mut tree, &facts).unwrap();
    tree.remove("usr/bin/puppetserver");
    let files: Vec<_> = tree.iter().filter(|(p, _)| !p.is_root()).collect();
    let mut only = Tree::new();
    for (path, entry) in files {
        if !matches!(entry.node, slipway::tree::Node::Directory) {
            only.insert(path.clone(), entry.clone());
        }
    }
    only
}

fn cache_folder() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/slipway");
    std::env::var_os("SLIPWAY_CACHE").map_or_else(home, PathBuf::from)
}

fn namespace(more: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-auto", "--map-root-user"]);
    }
    command.arg("--fork").args(more).arg("--");
    command
}
