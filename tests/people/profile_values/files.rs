//! Extra files and SSH keys.

use std::path::PathBuf;

use slipway::profile;

use super::{NASTY, accepted, known, load, quoted, refused, with};

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIQfz1HLa4SedEaZ3JdgMQ/hP09z58ipUO7yxjBzqEcF x";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCdel3OjXWidsPAGKBMSfziEsOvAKXSnS9x2lIvdQPLFX+TKZRchdtklvjBJB/yccQZF6KqDVtHp865I0p+SS5g= x";
const RSA_2048: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC/aDqTOEXOtP7AeNYgf3vaaP7NK7iLSg/R15t7XnBaAaJ1zppa9zjpKzh0B2DjamZCuTQK7A2x8ctbC/qNMsEIuhEpPhfaX+d8+1iUZhBk+/7hlllxwmzoAj2M1ao64nv2ztt6XMinZ0M6rdmVkbcBSYUOvh9Rj3igx5c6PrhKy2DXPGrbntFMxdFXQFXB2JEkEJYTRMK/VsJl48CxdjAmDtT2D0ulBGRBQlVDyseyovp1nzHDSpFK/MZ1/9zy4fSJkksmnfL/g/cC4v9ZSEVoDmW/QK55q+n88y2611CQHlvTHes+Dh3wQ/UwwCuAd1GCKxoCyqgjzMHm6O5Ha+mh x";
const RSA_1024: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC26wWZawUw3DkrOymaByJ1BQAUZK7I0O3BOyby0A6QWtLvXv/jfTmHkRdb7xI/WNkbvrCrB8p/QDyfAoreh2QyJRiqljrqJqwJ7gzYW+V7TIxdzEs4G8mO+OHC7vaE4WnCkTIYliTFJyEzjVSkp0HDACKeTdrL43YYduBEoGDGzw== x";

fn file(rest: &str) -> String {
    format!("files = [{{ {rest} }}]")
}

#[test]
fn an_extra_file_has_a_plain_path_that_nobody_else_owns() {
    for path in NASTY.iter().chain(&[
        "etc/motd",
        "/",
        "/etc/",
        "//etc/motd",
        "/etc/./motd",
        "/etc/../motd",
        "/etc/mo td",
        "/etc/motd$(id)",
        "/etc/hostname",
        "/etc/slipway/x",
        "/usr/lib/slipway/x",
        "/var/lib/slipway/x",
        "/run/x",
        "/proc/x",
        "/dev/sda",
        "/boot/x",
        "/bin/sh",
        "/lib/x",
        "/etc/shadow",
        "/etc/puppet/puppet.conf",
        "/etc/machine-id",
        "/etc/ssh/ssh_host_rsa_key",
        "/home/admin/.ssh/authorized_keys",
    ]) {
        refused(&file(&format!("path = {}, content = \"\"", quoted(path))));
    }
    for path in ["/etc/motd", "/opt/acme/a@b+c_d-1.txt", "/etc/slipway.d/x", "/etc/hosts.allow"] {
        accepted(&file(&format!("path = {}, content = \"\"", quoted(path))));
    }
}

#[test]
fn an_extra_files_mode_is_octal_and_without_setuid() {
    for mode in ["", "644 ", "0o644", "888", "4755", "2755", "00644", "rw-r--r--"] {
        refused(&file(&format!("path = \"/etc/x\", content = \"\", mode = {}", quoted(mode))));
    }
    for mode in ["644", "0755", "0600"] {
        accepted(&file(&format!("path = \"/etc/x\", content = \"\", mode = {}", quoted(mode))));
    }
}

#[test]
fn an_extra_file_has_one_content() {
    refused(&file("path = \"/etc/x\""));
    refused(&file("path = \"/etc/x\", content = \"\\u0000\""));
    let both = with(&file("path = \"/etc/x\", content = \"\", source = \"no/such\""));
    assert_eq!(load(&both).expect_err("both").errors.len(), 2);
    refused(
        "files = [{ path = \"/etc/x\", content = \"\" }, { path = \"/etc/x/y\", content = \"\" }]",
    );
}

#[test]
fn a_source_lies_below_the_profiles_also_through_links() {
    let root = tempfile::tempdir().expect("a folder");
    let profiles = root.path().join("profiles");
    std::fs::create_dir_all(profiles.join("files")).expect("folders");
    std::fs::write(profiles.join("files/good"), "x").expect("a file");
    std::fs::write(root.path().join("secret"), "x").expect("a file");
    std::os::unix::fs::symlink("../../secret", profiles.join("files/link")).expect("a link");
    let load = |source: &str| {
        let text = with(&file(&format!("path = \"/etc/x\", source = {}", quoted(source))));
        let path: PathBuf = profiles.join("x.toml");
        profile::load_text(&path, &text, &known())
    };
    load("files/good").unwrap_or_else(|errors| panic!("{errors}"));
    for source in
        NASTY.iter().chain(&["files", "files/none", "files/link", "../secret", "/etc/passwd"])
    {
        assert_eq!(load(source).expect_err(source).errors.len(), 1, "{source}");
    }
}

#[test]
fn ssh_keys_are_whole_public_keys_without_options() {
    let cut = &ED25519[..ED25519.len() - 10];
    let wrong_type = ED25519.replace("ssh-ed25519", "ssh-rsa");
    let with_options = format!("command=\"id\" {ED25519}");
    let two_lines = format!("{ED25519}\n{ED25519}");
    let quote = format!("{ED25519}'$(id)");
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----";
    let dss = ED25519.replace("ssh-ed25519", "ssh-dss");
    for key in NASTY.iter().copied().chain([
        cut,
        &wrong_type,
        &with_options,
        &two_lines,
        &quote,
        private,
        &dss,
        RSA_1024,
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
    ]) {
        refused(&format!("access.ssh_keys = [{}]", quoted(key)));
    }
    for key in [ED25519, ECDSA, RSA_2048, ED25519.trim_end_matches(" x")] {
        accepted(&format!("access.ssh_keys = [{}]", quoted(key)));
    }
}
