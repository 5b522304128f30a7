//! What a finished root must not hold: identity, the build's traces, secrets.

use super::Definition;
use crate::error::{Error, Kind, Result};
use crate::tree::tar::Archive;
use crate::tree::{Entry, Meta, Node, Tree, TreePath};
use crate::units::Timestamp;

/// Folders that stay but are emptied.
const EMPTIED: &[&str] = &[
    "run",
    "tmp",
    "var/tmp",
    "var/cache/apt",
    "var/cache/debconf",
    "var/cache/ldconfig",
    "var/cache/man",
    "var/lib/apt/lists",
    // each machine makes its own
    "etc/puppet/ssl",
    "etc/puppetserver/ca",
    "var/lib/puppet/ssl",
    "var/lib/puppetserver/ca",
    "etc/puppet/puppetserver/ca",
];

/// Files that are removed, whether a package or the build machine left them.
const DROPPED: &[&str] = &[
    "etc/hostname",
    "etc/resolv.conf",
    "etc/.resolv.conf.systemd-resolved.bak",
    "etc/machine-id",
    "etc/apt/apt.conf.d/00mmdebstrap",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "etc/.pwd.lock",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "var/lib/urandom/random-seed",
    // a key that all machines made from one image would share
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "etc/ssl/certs/ssl-cert-snakeoil.pem",
];

/// Backups that tools make of files before changing them: they hold times, which differ between two
/// builds.
const BACKUPS: &[&str] = &[
    "etc/group-",
    "etc/gshadow-",
    "etc/passwd-",
    "etc/shadow-",
    "etc/subgid-",
    "etc/subuid-",
    "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/statoverride-old",
    "var/lib/dpkg/status-old",
];

/// Removes the traces from a root before its contents are packed.
pub fn clean(archive: &mut Archive) {
    archive.retain(|path| !is_trace(path));
}

fn is_trace(path: &TreePath) -> bool {
    let text = path.as_bytes();
    let below = |folder: &&str| {
        text.strip_prefix(folder.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
    };
    EMPTIED.iter().any(below)
        || DROPPED.iter().chain(BACKUPS).any(|f| text == f.as_bytes())
        || is_host_key(path)
}

fn is_host_key(path: &TreePath) -> bool {
    let name = path.name();
    path.as_bytes().starts_with(b"etc/ssh/ssh_host_")
        && (name.ends_with(b"_key") || name.ends_with(b"_key.pub"))
}

/// Puts the proper content in place of the traces, and limits every time to the root's.
pub fn finish(tree: &mut Tree, definition: &Definition, time: Timestamp) -> Result<()> {
    empty_logs(tree, time);
    // to systemd this word means "make one at the first boot" (machine-id(5))
    tree.put_file("/etc/machine-id", 0o444, time, "uninitialized\n")?;
    if tree.get("usr/lib/systemd/systemd-resolved").is_some()
        || tree.get("lib/systemd/systemd-resolved").is_some()
    {
        tree.put_symlink("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf", time)?;
    }
    if let Some(sources) = sources_list(definition, tree) {
        tree.put_file("/etc/apt/sources.list", 0o644, time, sources)?;
    }
    let late: Vec<(TreePath, Entry)> = tree
        .iter()
        .filter(|(_, entry)| entry.meta.mtime > time)
        .map(|(path, entry)| (path.clone(), entry.clone()))
        .collect();
    for (path, mut entry) in late {
        entry.meta.mtime = time;
        tree.insert(path, entry);
    }
    Ok(())
}

/// Removes log files; those that programs expect to find (wtmp and the like) stay, but empty.
fn empty_logs(tree: &mut Tree, time: Timestamp) {
    let log = |(path, entry): &(&TreePath, &Entry)| {
        path.as_bytes().starts_with(b"var/log/") && matches!(entry.node, Node::File(_))
    };
    let files: Vec<TreePath> = tree.iter().filter(log).map(|(p, _)| p.clone()).collect();
    for path in files {
        let Some(entry) = tree.remove(&path) else { continue };
        if KEPT_LOGS.iter().any(|kept| path.as_bytes() == kept.as_bytes()) {
            let meta = Meta { mtime: time, ..entry.meta };
            tree.insert(path, Entry { meta, node: Node::File(Vec::new().into()) });
        }
    }
}

const KEPT_LOGS: [&str; 4] = ["var/log/wtmp", "var/log/btmp", "var/log/lastlog", "var/log/faillog"];

/// The appliance's own sources: the first mirror of each archive, whichever the build used.
fn sources_list(definition: &Definition, tree: &Tree) -> Option<String> {
    if definition.archives.is_empty() {
        return None;
    }
    let keyring = definition.keyring.as_ref().map(|keyring| keyring.file.display().to_string());
    let signed_by = keyring
        .filter(|file| tree.get(file.trim_start_matches('/')).is_some())
        .map(|file| format!("[signed-by={file}] "))
        .unwrap_or_default();
    let mut text = String::new();
    for archive in &definition.archives {
        let mirror = archive.mirrors.first()?;
        for suite in &archive.suites {
            text += &format!("deb {signed_by}{mirror} {suite} {}\n", archive.components.join(" "));
        }
    }
    Some(text)
}

/// Fails when the root holds something that two machines must not share.
///
/// # Errors
/// [`Kind::Refused`] with the first such file: the recipe must be taught to remove it.
pub fn check(tree: &Tree) -> Result<()> {
    for (path, entry) in tree {
        let refused = |why: &str| {
            Error::new(Kind::Refused, format!("the finished root holds {path}: {why}"))
                .remedy("remove it in the layer's script, or keep the package from making it")
        };
        if is_host_key(path) {
            return Err(refused("an SSH host key"));
        }
        if is_trace(path)
            && path.as_bytes() != b"etc/resolv.conf"
            && path.as_bytes() != b"etc/machine-id"
        {
            return Err(refused("a trace of the build or an identity"));
        }
        if holds_private_key(path, entry)? {
            return Err(refused("a private key"));
        }
    }
    Ok(())
}

/// Looks only at the machine's own configuration and state: packages ship keys in test suites and
/// examples.
fn holds_private_key(path: &TreePath, entry: &Entry) -> Result<bool> {
    const LONGEST: u64 = 64 << 10;
    let Node::File(content) = &entry.node else { return Ok(false) };
    let place =
        [&b"etc/"[..], b"var/", b"root/", b"home/"].iter().any(|p| path.as_bytes().starts_with(p));
    // dpkg's own records quote maintainer scripts
    if !place || path.as_bytes().starts_with(b"var/lib/dpkg/") || content.length() > LONGEST {
        return Ok(false);
    }
    let bytes = content.read()?;
    Ok(bytes.windows(11).any(|w| w == b"PRIVATE KEY") && bytes.starts_with(b"-----BEGIN "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(path: &str, text: &str) -> Tree {
        let mut tree = Tree::new();
        tree.put_file(path, 0o600, Timestamp::default(), text).unwrap();
        tree
    }

    #[test]
    fn what_two_machines_must_not_share_is_refused() {
        for path in [
            "/etc/ssh/ssh_host_ed25519_key",
            "/var/lib/puppet/ssl/ca.pem",
            "/var/lib/puppetserver/ca/serial",
            "/var/lib/systemd/random-seed",
            "/var/lib/dbus/machine-id",
            "/var/lib/apt/lists/x_InRelease",
            "/etc/hostname",
            "/etc/.resolv.conf.systemd-resolved.bak",
        ] {
            let error = check(&tree(path, "x")).unwrap_err();
            assert!(error.to_string().contains(path), "{error}");
        }
        let key = "-----BEGIN RSA PRIVATE KEY-----\n";
        assert!(check(&tree("/etc/x/y.pem", key)).is_err());
        assert!(check(&tree("/usr/share/tests/y.pem", key)).is_ok());
        assert!(check(&tree("/etc/ssh/sshd_config", "x")).is_ok());
    }

    #[test]
    fn folders_that_are_emptied_stay() {
        for (path, trace) in [("var/lib/apt/lists", false), ("var/lib/apt/lists/lock", true)] {
            assert_eq!(is_trace(&TreePath::new(path.as_bytes()).unwrap()), trace, "{path}");
        }
    }

    #[test]
    fn no_time_is_after_the_roots_own_and_logs_are_empty() {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/images");
        let definition = Definition::find(shipped, "debian-12").unwrap();
        let time = Timestamp::from_seconds(100);
        let mut tree = tree("/var/log/wtmp", "a login");
        tree.put_file("/var/log/apt/term.log", 0o600, time, "x").unwrap();
        tree.put_file("/late", 0o600, Timestamp::from_seconds(101), "x").unwrap();
        tree.put_file("/early", 0o600, Timestamp::from_seconds(99), "x").unwrap();
        finish(&mut tree, &definition, time).unwrap();
        assert_eq!(tree.get("late").unwrap().meta.mtime, time);
        assert_eq!(tree.get("early").unwrap().meta.mtime.seconds, 99);
        assert_eq!(tree.file("var/log/wtmp").unwrap().length(), 0);
        assert!(tree.get("var/log/apt/term.log").is_none());
        assert!(tree.get("var/log/apt").is_some());
    }
}
