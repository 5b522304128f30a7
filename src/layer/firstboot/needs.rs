//! The programs that the first boot calls: a base that lacks one is refused when the image is
//! built, and does not fail on a customer's machine.

use crate::error::{Error, Kind, Result};
use crate::tree::Tree;

/// A program (the places where distributions have it) and the package that contains it.
const NEEDS: &[(&[&str], &str)] = &[
    (&["usr/sbin/nft"], "nftables"),
    (&["usr/sbin/sfdisk"], "fdisk"),
    (&["usr/bin/partx"], "util-linux"),
    (&["usr/bin/flock"], "util-linux"),
    (&["usr/sbin/logrotate"], "logrotate"),
    (&["usr/lib/x86_64-linux-gnu/security/pam_faillock.so"], "libpam-modules"),
    (&["usr/lib/x86_64-linux-gnu/security/pam_pwquality.so"], "libpam-pwquality"),
    (&["usr/sbin/resize2fs"], "e2fsprogs"),
    (&["usr/bin/ip", "usr/sbin/ip"], "iproute2"),
    (&["usr/bin/ss"], "iproute2"),
    (&["usr/bin/ssh-keygen"], "openssh-client"),
    (&["usr/sbin/sshd"], "openssh-server"),
    (&["usr/sbin/chpasswd", "usr/bin/chage"], "passwd"),
    (&["usr/bin/perl"], "perl-base"),
    (&["usr/bin/ruby"], "ruby"),
    (&["usr/bin/curl"], "curl"),
    (&["usr/bin/dbus-daemon", "usr/bin/dbus-broker"], "dbus"),
];

/// Checks that all of them are there; one error names all the packages that are missing.
pub fn check(tree: &Tree) -> Result<()> {
    let has = |path: &&str| tree.get(path).is_some();
    let mut missing: Vec<&str> =
        NEEDS.iter().filter(|(paths, _)| !paths.iter().any(&has)).map(|n| n.1).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(Error::new(Kind::Input, format!("the base lacks what the first boot needs: {missing}"))
        .remedy("add these packages to the base's definition in images/"))
}
