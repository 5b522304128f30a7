//! `kill -9` at one step after the other of every command that writes: the next runs remove
//! whatever it leaves, even when they make something else. strace does the killing, so a step is
//! the same each time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::small::{bundle, project, publish, run, slipway, store};
use crate::common::{foreign, small};

/// The system calls that change names, and those that make the changes last.
const STEPS: &str = "mkdir,mkdirat,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,fsync,fdatasync,flock,\
     ftruncate,fchmod,utimensat,copy_file_range";

/// A command that is killed, and one that makes something else.
struct Case {
    command: fn(&Path) -> Command,
    other: fn(&Path),
    /// Whether the programs that it runs are counted, and killed, too.
    programs: bool,
    /// The number of steps at which it is killed.
    kills: usize,
}

impl Case {
    /// Kills it at steps from its first to its last, each time in the same folder, which `prepare`
    /// sets up.
    fn judge(&self, prepare: impl Fn(&Path)) {
        let home = tempfile::tempdir().unwrap();
        let [folder, fresh] = ["work", "fresh"].map(|name| home.path().join(name));
        std::fs::create_dir(&folder).unwrap();
        prepare(&folder);
        std::fs::rename(&folder, &fresh).unwrap();
        let renew = || {
            let _ = std::fs::remove_dir_all(&folder);
            foreign::run(Command::new("cp").arg("-a").arg(&fresh).arg(&folder));
        };
        let again = || {
            let output = (self.command)(&folder).output().unwrap();
            output.status.success().then_some(()).ok_or(String::from_utf8(output.stderr).unwrap())
        };
        renew();
        let steps = self.steps(&folder, home.path());
        (self.other)(&folder);
        // some commands work only once
        let _ = again();
        let allowed = names(&folder);
        renew();
        (self.other)(&folder);
        again().unwrap();
        let needed = names(&folder);
        assert!(needed.is_subset(&allowed), "{:?}", needed.difference(&allowed));

        let mut killed = 0;
        for n in 0..self.kills {
            let step = &steps[n * (steps.len() - 1) / (self.kills - 1)];
            renew();
            killed += usize::from(self.kill(&folder, step));
            let left = names(&folder);
            (self.other)(&folder);
            let found = names(&folder);
            let unfinished: Vec<_> = found.iter().filter(|path| is_unfinished(path)).collect();
            assert!(unfinished.is_empty(), "killed at {step:?}: {unfinished:?} stay for ever");
            let (before, done) = (found, again());
            let found = names(&folder);
            // a command that was killed when everything was done is not repeated
            let told = format!("killed at {step:?} it left {:?}", left.difference(&needed));
            assert!(done.is_ok() || needed.is_subset(&before), "{told}: {done:?}");
            let strangers: Vec<_> = found.difference(&allowed).collect();
            assert!(strangers.is_empty(), "{told}: {strangers:?} stay");
            let missing: Vec<_> = needed.difference(&found).collect();
            assert!(missing.is_empty(), "{told}: {missing:?} are missing");
        }
        assert!(killed * 2 > self.kills, "{killed} of {} were killed", self.kills);
    }

    /// Its steps, in order: a system call, and its count within a thread.
    fn steps(&self, folder: &Path, home: &Path) -> Vec<(String, usize)> {
        let log = home.join("steps");
        foreign::run(&mut self.strace(folder, &["-o", log.to_str().unwrap()]));
        let mut counts = BTreeMap::<(String, String), usize>::new();
        let mut steps = Vec::new();
        for line in std::fs::read_to_string(log).unwrap().lines() {
            let Some((before, _)) = line.split_once('(') else { continue };
            // for a single thread, strace writes no number before each line
            let (thread, call) = before.split_once(' ').unwrap_or(("", before));
            let count = counts.entry((thread.to_owned(), call.trim().to_owned())).or_default();
            *count += 1;
            let step = (call.trim().to_owned(), *count);
            if !call.contains("resumed") && !steps.contains(&step) {
                steps.push(step);
            }
        }
        assert!(steps.len() > 3, "{steps:?}");
        steps
    }

    /// Runs it, and says whether it was killed before it was done.
    fn kill(&self, folder: &Path, (call, count): &(String, usize)) -> bool {
        let inject = format!("inject={call}:signal=KILL:when={count}");
        let mut strace = self.strace(folder, &["-o", "/dev/null", "-e", &inject]);
        !strace.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    fn strace(&self, folder: &Path, arguments: &[&str]) -> Command {
        let command = (self.command)(folder);
        let mut strace = Command::new("strace");
        strace.args(self.programs.then_some("-f"));
        strace.args(["-e", &format!("trace={STEPS}")]).args(arguments);
        strace.arg(command.get_program()).args(command.get_args()).current_dir(folder);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => strace.env(name, value),
                None => strace.env_remove(name),
            };
        }
        strace
    }
}

/// Everything below a folder, except inside git repositories and where npm keeps its cache and
/// logs.
fn names(folder: &Path) -> BTreeSet<PathBuf> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            found.insert(path.strip_prefix(root).unwrap().to_owned());
            let foreign = path.join("HEAD").exists() || path == root.join("home");
            if entry.file_type().unwrap().is_dir() && !foreign {
                walk(&path, root, found);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(folder, folder, &mut found);
    found
}

/// Whether it is an unfinished file, by the end of its name.
fn is_unfinished(path: &Path) -> bool {
    let name = path.to_string_lossy();
    [".slipway-new", ".part", ".changing"].iter().any(|end| name.ends_with(end))
}

#[test]
fn a_killed_build_leaves_nothing_in_the_output_the_cache_or_the_temporary_folder() {
    let other = |folder: &Path| {
        small::profile(folder, "5 GiB");
        run(folder, &["build", "tiny"]);
        small::profile(folder, "4 GiB");
    };
    let command = |folder: &Path| slipway(folder, &["build", "tiny"]);
    Case { command, other, programs: true, kills: 12 }.judge(|folder| {
        project(folder);
        publish(folder, &bundle(folder, "1"));
    });
}

#[test]
fn a_killed_pull_leaves_no_part_of_a_release_that_the_channel_has_left() {
    fn pull(folder: &Path) -> Command {
        let from = ["bundle", "pull", "tiny", "--channel", "stable", "--out", "x.tgz", "--store"];
        slipway(folder, &[&from[..], &[&store(folder)]].concat())
    }
    let other = |folder: &Path| {
        publish(folder, &folder.join("out/bundles/tiny-1.0.0+b2.tgz"));
        foreign::run(&mut pull(folder));
    };
    let command = pull;
    Case { command, other, programs: true, kills: 16 }.judge(|folder| {
        project(folder);
        publish(folder, &bundle(folder, "1"));
        bundle(folder, "2");
        // the publisher's memory is not the reader's
        let _ = std::fs::remove_dir_all(folder.join("cache"));
    });
}

#[test]
fn a_killed_publisher_leaves_nothing_in_the_store() {
    let command = |folder: &Path| {
        let store = store(folder);
        let file = "out/bundles/tiny-1.0.0+b1.tgz";
        slipway(folder, &["bundle", "publish", file, "--to", &store, "--channel", "stable"])
    };
    let other = |folder: &Path| publish(folder, &folder.join("out/bundles/tiny-1.0.0+b2.tgz"));
    Case { command, other, programs: true, kills: 12 }.judge(|folder| {
        project(folder);
        bundle(folder, "1");
        bundle(folder, "2");
    });
}

/// A site with a module from a repository, which is fetched and locked.
fn site(folder: &Path) {
    let (site, module) = (folder.join("site"), folder.join("module"));
    for below in [site.join("manifests"), module.join("manifests")] {
        std::fs::create_dir_all(below).unwrap();
    }
    std::fs::write(site.join("manifests/site.pp"), "").unwrap();
    let toml = "site = \"tiny\"\nversion = \"1.0.0\"\npuppetfile = \"Puppetfile\"\n";
    std::fs::write(site.join("SITE.toml"), toml).unwrap();
    std::fs::write(module.join("manifests/init.pp"), "class small {}\n").unwrap();
    std::fs::write(module.join("metadata.json"), r#"{"name": "t-small", "version": "1.0.0"}"#)
        .unwrap();
    let url = format!("file://{}", module.display());
    std::fs::write(
        site.join("Puppetfile"),
        format!("mod 'small', :git => '{url}', :tag => 'v1'\n"),
    )
    .unwrap();
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-qm", "x"], &["tag", "v1"]] {
        foreign::run(Command::new("git").arg("-C").arg(&module).args(who).args(arguments));
    }
}

#[test]
fn a_killed_build_of_a_bundle_leaves_nothing_in_the_site_the_output_or_the_cache() {
    let command =
        |folder: &Path| slipway(folder, &["bundle", "build", "site", "--no-puppet-check"]);
    let other = |folder: &Path| {
        run(folder, &["bundle", "build", "site", "--no-puppet-check", "--build", "2"]);
    };
    Case { command, other, programs: true, kills: 12 }.judge(|folder| {
        project(folder);
        site(folder);
    });
}

#[test]
fn a_killed_update_leaves_the_lock_file_and_nothing_beside_it() {
    let command = |folder: &Path| slipway(folder, &["bundle", "update", "site"]);
    let other = |folder: &Path| run(folder, &["bundle", "update", "site"]);
    Case { command, other, programs: false, kills: 6 }.judge(|folder| {
        project(folder);
        site(folder);
        run(folder, &["bundle", "build", "site", "--no-puppet-check"]);
    });
}

/// An app with one file.
fn app(folder: &Path, version: &str) {
    let app = folder.join("app");
    std::fs::create_dir_all(&app).unwrap();
    let json = format!(r#"{{"name": "small", "version": "{version}"}}"#);
    let lock = format!(
        r#"{{"name": "small", "version": "{version}", "lockfileVersion": 3, "packages": {{"": {{"name": "small", "version": "{version}"}}}}}}"#
    );
    std::fs::write(app.join("package.json"), json).unwrap();
    std::fs::write(app.join("package-lock.json"), lock).unwrap();
    std::fs::write(app.join("index.js"), "").unwrap();
}

#[test]
fn a_killed_packer_of_an_app_leaves_nothing_in_the_output_or_the_cache() {
    let command = |folder: &Path| slipway(folder, &["app", "pack", "app", "--out", "packs"]);
    let other = |folder: &Path| run(folder, &["app", "pack", "app", "--out", "packs"]);
    Case { command, other, programs: false, kills: 3 }.judge(|folder| {
        project(folder);
        app(folder, "1.0.0");
        // for npm's own cache, wherever npm puts it
        std::fs::create_dir(folder.join("home")).unwrap();
    });
}

#[test]
fn a_killed_publisher_of_an_app_leaves_nothing_in_the_store_also_where_it_publishes_another_version()
 {
    let command = |folder: &Path| {
        slipway(folder, &["app", "publish", "packs/small-1.0.0.tgz", "--to", &store(folder)])
    };
    let other = |folder: &Path| {
        run(folder, &["app", "publish", "packs/small-2.0.0.tgz", "--to", &store(folder)]);
    };
    Case { command, other, programs: true, kills: 8 }.judge(|folder| {
        project(folder);
        for version in ["1.0.0", "2.0.0"] {
            app(folder, version);
            run(folder, &["app", "pack", "app", "--out", "packs"]);
        }
    });
}

#[test]
fn a_key_whose_maker_was_killed_can_be_made_and_has_both_halves() {
    let command = |folder: &Path| slipway(folder, &["key", "new", "ci", "--no-passphrase"]);
    let other = |folder: &Path| run(folder, &["key", "new", "other", "--no-passphrase"]);
    // each half has a name, is flushed, gets its own name
    Case { command, other, programs: true, kills: 8 }.judge(project);
}

#[test]
fn a_killed_conversion_leaves_nothing_beside_the_image() {
    let command = |folder: &Path| {
        slipway(folder, &["convert", "image.qcow2", "--to", "ova", "--force", "--out", "new.ova"])
    };
    let other = |folder: &Path| {
        run(folder, &["convert", "image.qcow2", "--to", "vmdk", "--force", "--out", "new.vmdk"]);
    };
    Case { command, other, programs: true, kills: 6 }.judge(|folder| {
        project(folder);
        let disk = crate::common::appliance::disk();
        let made = crate::common::artifact::write(slipway::profile::Format::Qcow2, &disk, folder);
        std::fs::rename(made, folder.join("image.qcow2")).unwrap();
    });
}
