//! What `slipway app pack` makes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::apps::repository::{Repository, app, guestbook, json};
use crate::common::judge::{judge_in, shown};

/// Installs a package without a network or a cache: npm is the judge.
fn install_offline(package: &Path, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("package.json"), r#"{"name": "host", "version": "1.0.0"}"#).unwrap();
    let cache = format!("--cache={}", folder.join("empty-cache").display());
    // a new network namespace does not even have an active loopback
    let npm = ["-rn", "npm", "install", "--offline", "--no-audit", "--no-fund", &cache];
    judge_in(folder, "unshare", &[&npm[..], &[shown(package)]].concat());
    judge_in(folder, "npm", &["ls", "--all", "--omit=dev"]);
}

fn names(package: &Path) -> String {
    judge_in(Path::new("."), "tar", &["-tzf", shown(package)])
}

#[test]
fn a_packed_app_installs_and_starts_with_the_network_cut() {
    let repository = guestbook();
    let packed = repository.pack(&["--out", "packs"]);
    assert_eq!(repository.status(), "");
    assert_eq!((&packed["tested"], &packed["version"]), (&true.into(), &"1.0.0".into()));
    let home = repository.folder.path().join("host");
    install_offline(&repository.file(&packed), &home);
    let load = "require('guestbook/lib/app'); require('module').createRequire(require.resolve('guestbook/lib/app'))('pg')";
    judge_in(&home, "node", &["-e", load]);

    let names = names(&repository.file(&packed));
    assert!(names.contains("package/node_modules/pg/package.json"));
    assert!(names.contains("package/node_modules/xtend/package.json"), "the closure's end");
    assert!(!names.contains("package/test/") && !names.contains(".package-lock.json"), "{names}");
}

#[test]
fn one_commit_gives_the_same_bytes_in_any_folder_umask_locale_and_time() {
    let (one, two) = (guestbook(), guestbook());
    let first = one.pack(&["--out", "packs", "--no-test"]);
    // ignored files, and files that an editor touched, make no difference
    std::fs::create_dir(two.app().join("node_modules")).unwrap();
    std::fs::write(two.app().join("node_modules/left-over.js"), "").unwrap();
    judge_in(&two.app(), "touch", &["-d", "2001-01-01", "server.js", "package.json"]);
    let script = r#"umask 077; chmod -R go-rwx app; exec "$@""#;
    let slipway = two.slipway(&["pack", "app", "--json", "--no-test", "--out", "elsewhere/packs"]);
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(slipway.get_program()).args(slipway.get_args());
    command.current_dir(two.folder.path()).env("SLIPWAY_CACHE", two.folder.path().join("c"));
    command.envs([
        ("LC_ALL", "tr_TR.UTF-8"),
        ("TZ", "Pacific/Chatham"),
        ("NODE_ENV", "production"),
    ]);
    let second = json(&command.output().unwrap());
    assert_eq!(first["commit"], second["commit"]);
    assert_eq!(first["sha256"], second["sha256"]);
}

#[test]
fn a_killed_run_leaves_the_working_tree_as_it_was_and_the_next_one_cleans_up() {
    let repository = guestbook();
    for milliseconds in [50, 300, 900, 1500] {
        let mut command = repository.slipway(&["pack", "app", "--out", "packs"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        let _ = child.kill();
        child.wait().unwrap();
        assert_eq!(repository.status(), "", "killed after {milliseconds} ms");
    }
    // npm may outlive its starter by a moment, and still write to the folder
    std::thread::sleep(Duration::from_secs(3));
    repository.pack(&["--out", "packs", "--no-test"]);
    let left = std::fs::read_dir(repository.folder.path().join("cache/work")).unwrap();
    assert_eq!(left.count(), 0, "what the dead left");
}

#[test]
fn the_version_and_the_commit_are_in_the_package() {
    let repository = guestbook();
    let packed = repository.pack(&["--bump", "minor", "--no-test"]);
    assert_eq!(packed["version"], "1.1.0");
    let text = judge_in(
        repository.folder.path(),
        "tar",
        &["-xzOf", packed["file"].as_str().unwrap(), "package/package.json"],
    );
    let package: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&package["version"], &package["gitHead"]), (&"1.1.0".into(), &packed["commit"]));
    assert_eq!(packed["commit"].as_str().unwrap().len(), 40);
    assert_eq!(repository.status(), "");

    std::fs::write(repository.app().join("server.js"), "'use strict';\n").unwrap();
    let packed = repository.pack(&["--version", "2.0.0-proto.1", "--no-test"]);
    assert_eq!(packed["version"], "2.0.0-proto.1");
    assert!(packed["commit"].as_str().unwrap().ends_with("-dirty"));
}

/// React is nobody's dependency here, only a peer: npm installs it, but does not bundle it.
fn with_a_peer() -> Repository {
    let package = r#"{"name": "@acme/ui", "version": "2.1.0", "dependencies": {"use-sync-external-store": "1.2.0"}}"#;
    app(&[
        ("package.json", package),
        ("index.js", "module.exports = require('use-sync-external-store');\n"),
    ])
}

#[test]
fn peers_that_npm_would_leave_out_are_packed() {
    let repository = with_a_peer();
    let packed = repository.pack(&[]);
    assert_eq!(packed["tested"], false);
    assert!(packed["file"].as_str().unwrap().ends_with("out/apps/acme+ui-2.1.0.tgz"));
    let home = repository.folder.path().join("host");
    install_offline(&repository.file(&packed), &home);
    judge_in(&home, "node", &["-e", "require('@acme/ui')"]);
}

#[test]
fn what_the_apps_own_scripts_build_is_packed_and_what_tests_write_is_not() {
    let package = r#"{"name": "built", "version": "1.0.0", "files": ["dist"],
        "scripts": {"prepack": "node -e \"require('mkdirp').sync('dist'); fs.writeFileSync('dist/x.js', '')\"",
                    "test": "node -e \"fs.writeFileSync('coverage.txt', '')\""},
        "devDependencies": {"mkdirp": "1.0.4"}}"#;
    let repository = app(&[("package.json", package), (".gitignore", "dist\n")]);
    let names = names(&repository.file(&repository.pack(&[])));
    assert!(names.contains("package/dist/x.js"), "{names}");
    assert!(!names.contains("coverage.txt") && !names.contains("mkdirp"), "{names}");
    assert_eq!(repository.status(), "");
}

#[test]
fn what_the_apps_own_code_sees_of_the_environment_holds_no_key_but_what_was_named() {
    let package = r#"{"name": "seen", "version": "1.0.0", "scripts": {
        "prepack": "node -e \"fs.writeFileSync('env.json', JSON.stringify(process.env))\"",
        "test": "test -z \"$AWS_SECRET_ACCESS_KEY$SLIPWAY_KEY_PASSPHRASE_FILE$NODE_AUTH_TOKEN\" && test -n \"$ACME_URL\""}}"#;
    let repository = app(&[("package.json", package)]);
    let mut command = repository.slipway(&["pack", "app", "--json", "--env", "ACME_URL"]);
    let secret = ["AWS_SECRET_ACCESS_KEY", "SLIPWAY_KEY_PASSPHRASE_FILE", "NODE_AUTH_TOKEN"];
    command.envs(secret.map(|name| (name, "secret"))).env("ACME_URL", "here");
    let packed = json(&command.output().unwrap());
    assert_eq!(packed["tested"], true);
    let file = repository.file(&packed);
    let seen = judge_in(Path::new("."), "tar", &["-xzOf", shown(&file), "package/env.json"]);
    let seen: serde_json::Value = serde_json::from_str(&seen).unwrap();
    assert!(secret.iter().all(|name| seen.get(name).is_none()), "{seen}");
    assert_eq!(seen["ACME_URL"], "here");
    assert!(seen.get("PATH").is_some() && seen.get("HOME").is_some());
}

#[test]
fn packages_that_have_their_compiled_modules_elsewhere_or_can_do_without_are_packed() {
    let package = r#"{"name": "natives", "version": "1.0.0",
        "dependencies": {"msgpackr": "1.11.0", "sharp": "0.33.4", "ssh2": "1.15.0"}}"#;
    let repository = app(&[("package.json", package)]);
    let packed = repository.pack(&["--no-test"]);
    let native = packed["native"].as_array().unwrap();
    let has = |name: &str| native.iter().any(|n| n["path"].as_str().unwrap().contains(name));
    assert!(has("@img/sharp-linux-x64") && has("@msgpackr-extract"), "{native:?}");
    let home = repository.folder.path().join("host");
    install_offline(&repository.file(&packed), &home);
    let load = "const r = require('module').createRequire(require.resolve('natives/package.json')); ['msgpackr', 'sharp', 'ssh2'].forEach(r)";
    judge_in(&home, "node", &["-e", load]);
}

#[test]
fn a_byte_order_mark_and_dependencies_that_are_no_map_are_read_as_npm_reads_them() {
    let package = r#"{"name": "odd", "version": "1.0.0", "dependencies": {"jsonlint": "1.6.3"}}"#;
    let repository = app(&[("package.json", package)]);
    for file in ["package.json", "package-lock.json"] {
        let path = repository.app().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("\u{feff}{text}")).unwrap();
    }
    repository.commit();
    let packed = repository.pack(&[]);
    install_offline(&repository.file(&packed), &repository.folder.path().join("host"));
}

#[test]
fn the_lock_file_that_npm_goes_by_is_the_one_that_counts() {
    let package = r#"{"name": "shrunk", "version": "1.0.0", "dependencies": {"ms": "2.1.2"}}"#;
    let repository = app(&[("package.json", package)]);
    let (lock, shrinkwrap) = ("package-lock.json", "npm-shrinkwrap.json");
    std::fs::rename(repository.app().join(lock), repository.app().join(shrinkwrap)).unwrap();
    repository.commit();
    let names = names(&repository.file(&repository.pack(&["--out", "one"])));
    assert!(names.contains("package/node_modules/ms/package.json"), "{names}");
    // a second one, which npm ignores, makes no difference
    std::fs::write(repository.app().join(lock), "no JSON").unwrap();
    repository.commit();
    repository.pack(&["--out", "two"]);
}
