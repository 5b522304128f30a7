//! A project whose base has only what the builder looks at, and nothing that runs: an image takes a
//! moment.

use std::path::{Path, PathBuf};
use std::process::Command;

use slipway::tree::{Tree, tar};
use slipway::units::{Digest, Timestamp};

use super::bootable;

/// Programs that the first boot calls: without them the image is refused.
const PROGRAMS: [&str; 22] = [
    "usr/bin/curl",
    "usr/bin/dbus-daemon",
    "usr/bin/flock",
    "usr/bin/ip",
    "usr/bin/partx",
    "usr/bin/perl",
    "usr/bin/puppet",
    "usr/bin/ruby",
    "usr/bin/ss",
    "usr/bin/ssh-keygen",
    "usr/bin/sudo",
    "usr/lib/systemd/systemd-networkd",
    "usr/lib/systemd/systemd-resolved",
    "usr/lib/systemd/systemd-timesyncd",
    "usr/lib/x86_64-linux-gnu/security/pam_faillock.so",
    "usr/lib/x86_64-linux-gnu/security/pam_pwquality.so",
    "usr/sbin/chpasswd",
    "usr/sbin/logrotate",
    "usr/sbin/nft",
    "usr/sbin/resize2fs",
    "usr/sbin/sfdisk",
    "usr/sbin/sshd",
];
/// Files that the layers edit.
const TEXTS: [(&str, &str); 8] = [
    ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
    ("etc/shadow", "root:*:19000:0:99999:7:::\n"),
    ("etc/group", "root:x:0:\nsudo:x:27:\n"),
    (
        "etc/pam.d/common-auth",
        "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n",
    ),
    ("etc/pam.d/common-account", "account required pam_unix.so\n"),
    ("etc/logrotate.conf", "weekly\n"),
    ("usr/share/zoneinfo/Etc/UTC", "TZif2"),
    ("usr/lib/systemd/system/getty@.service", ""),
];

/// The time of all its files.
pub const TIME: Timestamp = Timestamp { seconds: 1_760_000_000, nanos: 0 };

/// Makes the project in a folder: one customer of the site tiny, a key that is trusted for it, a
/// store in `store`.
pub fn project(folder: &Path) {
    project_of(folder, &root());
}

/// The same with another root.
pub fn project_of(folder: &Path, root: &Tree) {
    for below in ["profiles", "images", "tmp"] {
        std::fs::create_dir_all(folder.join(below)).unwrap();
    }
    let archive = folder.join("images/root.tar");
    tar::write(root, std::fs::File::create(&archive).unwrap()).unwrap();
    let sha256 = Digest::of(std::fs::read(&archive).unwrap());
    let definition = format!(
        "title = \"small\"\ndistribution = \"debian\"\nkind = \"tarball\"\n\
         [tarball]\nsource = \"root.tar\"\nsha256 = \"{sha256}\"\ntime = \"2026-01-01T00:00:00Z\"\n\
         [puppet]\nagent = []\nserver = []\n"
    );
    std::fs::write(folder.join("images/debian-12.toml"), definition).unwrap();
    profile(folder, "4 GiB");
    run(folder, &["key", "new", "vendor", "--no-passphrase"]);
    run(folder, &["key", "trust", "vendor", "--site", "tiny", "--app", "small"]);
}

/// The root that the project has.
pub fn root() -> Tree {
    let mut root = bootable::tree(TIME);
    for path in PROGRAMS {
        root.put_file(&format!("/{path}"), 0o755, TIME, "").unwrap();
    }
    for (path, text) in TEXTS {
        root.put_file(&format!("/{path}"), 0o644, TIME, text).unwrap();
    }
    root
}

/// Writes the customer's profile; another disk makes another plan.
pub fn profile(folder: &Path, disk: &str) {
    let store = store(folder);
    let text = format!(
        "base = \"debian-12\"\nsite = \"tiny\"\nchannel = \"stable\"\nstore = \"{store}\"\nformats = [\"qcow2\"]\n\
         [customer]\nname = \"Tiny\"\n[master]\nmode = \"apply\"\n[hardware]\ndisk = \"{disk}\"\n"
    );
    std::fs::write(folder.join("profiles/tiny.toml"), text).unwrap();
}

/// The address of the project's store.
pub fn store(folder: &Path) -> String {
    format!("file://{}/store", folder.display())
}

/// Builds the site tiny; returns the bundle's file.
pub fn bundle(folder: &Path, build: &str) -> PathBuf {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo-vendor/sites/tiny");
    let site = site.to_str().unwrap();
    run(folder, &["bundle", "build", site, "--build", build, "--no-puppet-check"]);
    folder.join(format!("out/bundles/tiny-1.0.0+b{build}.tgz"))
}

/// Publishes a bundle to the channel stable of the project's store.
pub fn publish(folder: &Path, bundle: &Path) {
    let store = store(folder);
    let bundle = bundle.to_str().unwrap();
    run(folder, &["bundle", "publish", bundle, "--to", &store, "--channel", "stable"]);
}

/// `slipway` in the project, which writes everything below the project's folder.
pub fn slipway(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
    command.args(arguments).current_dir(folder);
    for name in ["SLIPWAY_PROJECT", "SLIPWAY_TRUST", "SLIPWAY_KEY_FILE"] {
        command.env_remove(name);
    }
    for (name, below) in
        [("SLIPWAY_CACHE", "cache"), ("SLIPWAY_KEYS", "keys"), ("TMPDIR", "tmp"), ("HOME", "home")]
    {
        command.env(name, folder.join(below));
    }
    command.env("SOURCE_DATE_EPOCH", "1700000000");
    command
}

/// The same; it must succeed.
pub fn run(folder: &Path, arguments: &[&str]) {
    let output = slipway(folder, arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "slipway {arguments:?}: {said}");
}
