//! Real code: modules from the distribution, and apps from the npm registry.

use std::path::Path;

use serde_json::Value;
use slipway::bundle::Bundle;

use crate::bundle::checks::site;
use crate::common::judge::{judge_in, shown};

/// Apps with many dependencies, in one version each.
const APPS: [(&str, &str); 3] =
    [("http-server", "14.1.1"), ("json-server", "0.17.4"), ("serve", "14.2.4")];

const SITE: &str = r#"
[store]
apps = "file://STORE"

[apps]
http-server = { version = "^14.1" }
json-server = { version = "0.17.x" }
serve = { version = ">=14 <15" }

[archive]
mirror = "http://deb.debian.org/debian"
suite = "bookworm"
components = ["main"]
keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

[modules]
apache = { package = "puppet-module-puppetlabs-apache" }
apt = { package = "puppet-module-puppetlabs-apt" }
archive = { package = "puppet-module-puppet-archive" }
concat = { package = "puppet-module-puppetlabs-concat" }
firewall = { package = "puppet-module-puppetlabs-firewall" }
haproxy = { package = "puppet-module-puppetlabs-haproxy" }
inifile = { package = "puppet-module-puppetlabs-inifile" }
mysql = { package = "puppet-module-puppetlabs-mysql" }
ntp = { package = "puppet-module-puppetlabs-ntp" }
postgresql = { package = "puppet-module-puppetlabs-postgresql" }
stdlib = { package = "puppet-module-puppetlabs-stdlib" }
translate = { package = "puppet-module-puppetlabs-translate" }
vcsrepo = { package = "puppet-module-puppetlabs-vcsrepo" }
"#;

/// The app as it was published, with a lock file of its own. Its development dependencies and
/// scripts are left out, since a published package lacks the files that they need.
fn unpacked(name: &str, version: &str, root: &Path) -> std::path::PathBuf {
    let folder = root.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    judge_in(&folder, "npm", &["pack", "--silent", &format!("{name}@{version}")]);
    let file = format!("{name}-{version}.tgz");
    judge_in(&folder, "tar", &["-xzf", &file, "--strip-components=1", "--no-same-owner"]);
    std::fs::remove_file(folder.join(file)).unwrap();
    judge_in(&folder, "npm", &["pkg", "delete", "devDependencies", "scripts"]);
    let quiet = ["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"];
    judge_in(&folder, "npm", &quiet);
    folder
}

fn slipway(root: &Path, args: &[&str]) -> Value {
    serde_json::from_slice(&run(root, &[args, &["--json"]].concat())).unwrap()
}

fn run(root: &Path, args: &[&str]) -> Vec<u8> {
    let mut command = assert_cmd::Command::cargo_bin("slipway").unwrap();
    command.current_dir(root).env("SLIPWAY_CACHE", root.join("cache")).args(args);
    command.env("SLIPWAY_KEYS", root.join("keys")).env_remove("SLIPWAY_KEY_FILE");
    command.env("SLIPWAY_TRUST", root.join("allowed_signers"));
    let output = command.env("SOURCE_DATE_EPOCH", "1700000000").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn thirteen_modules_of_the_distribution_and_three_apps_of_the_registry_become_one_bundle() {
    let folder = site("", &[]);
    let root = folder.path();
    let text = SITE.replace("STORE", &format!("{}/store", root.display()));
    std::fs::write(
        root.join("site/SITE.toml"),
        format!("site = \"real\"\nversion = \"1.0.0\"\n{text}"),
    )
    .unwrap();
    let store = format!("file://{}/store", root.display());
    run(root, &["key", "new", "vendor", "--no-passphrase"]);
    let apps = ["--app", "http-server", "--app", "json-server", "--app", "serve"];
    run(root, &[&["key", "trust", "vendor"], &apps[..]].concat());
    for (name, version) in APPS {
        let source = unpacked(name, version, root);
        let packed = slipway(root, &["app", "pack", shown(&source)]);
        slipway(root, &["app", "publish", packed["file"].as_str().unwrap(), "--to", &store]);
    }
    // at the same time, with one cache that does not have the archive yet
    let (first, second) = std::thread::scope(|scope| {
        let second = scope.spawn(|| slipway(root, &["bundle", "build", "site", "--out", "two"]));
        let first = slipway(root, &["bundle", "build", "site", "--out", "one"]);
        (first, second.join().unwrap())
    });
    assert_eq!(first["sha256"], second["sha256"]);
    let manifest = Bundle::verify(&root.join("one/real-1.0.0+b1.tgz")).unwrap().manifest;
    assert_eq!((manifest.modules.len(), manifest.apps.len()), (13, 3));
    assert!(manifest.modules.iter().all(|m| m.version.is_some() && m.package.is_some()));

    // each app starts from the bundle's contents, without a network
    judge_in(root, "tar", &["-xzf", "one/real-1.0.0+b1.tgz", "--one-top-level=release"]);
    for app in &manifest.apps {
        let home = root.join("started").join(&app.name);
        std::fs::create_dir_all(&home).unwrap();
        judge_in(&home, "tar", &["-xzf", shown(&root.join("release").join(&app.file))]);
        let main = match app.name.as_str() {
            "http-server" => "bin/http-server",
            "json-server" => "lib/cli/bin.js",
            _ => "build/main.js",
        };
        judge_in(&home.join("package"), "unshare", &["-rn", "node", main, "--help"]);
    }
}
