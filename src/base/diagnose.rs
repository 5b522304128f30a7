//! Finds out what prevents mmdebstrap from working, before it starts and after it failed.

use std::path::Path;

use super::Definition;
use crate::error::{Context, Error, Kind, Result};
use crate::file;

/// How mmdebstrap gets the rights that package scripts expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// We are root.
    Root,
    /// In a user namespace with the user's subordinate ids.
    Unshare,
}

impl Mode {
    /// The word for `--mode`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Unshare => "unshare",
        }
    }
}

/// Root's mode for root; for others the user namespace, if the machine allows one.
pub fn mode() -> Result<Mode> {
    let user = rustix::process::geteuid();
    if user.is_root() {
        return Ok(Mode::Root);
    }
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    if read("/proc/sys/kernel/unprivileged_userns_clone").trim() == "0"
        || read("/proc/sys/user/max_user_namespaces").trim() == "0"
    {
        return Err(Error::new(Kind::Refused, "this machine does not allow user namespaces").remedy(
            "run sysctl kernel.unprivileged_userns_clone=1 and user.max_user_namespaces=10000 as root, \
             or build the base as root",
        ));
    }
    if which("newuidmap").is_none() {
        return Err(Error::new(Kind::Tool, "newuidmap is missing")
            .remedy("install the package uidmap, or build the base as root"));
    }
    let passwd = std::fs::read_to_string("/etc/passwd").at("cannot read", "/etc/passwd")?;
    let name = user_name(&passwd, user.as_raw());
    for file in ["/etc/subuid", "/etc/subgid"] {
        if !has_range(&read(file), name.as_deref(), user.as_raw()) {
            let name = name.unwrap_or_else(|| user.as_raw().to_string());
            return Err(Error::new(Kind::Refused, format!("{name} has no range of ids")).at(file).remedy(
                format!("run usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name} as root"),
            ));
        }
    }
    Ok(Mode::Unshare)
}

fn which(program: &str) -> Option<std::path::PathBuf> {
    let folders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];
    let there = |path: &std::path::PathBuf| file::is_file(path).unwrap_or(false);
    folders.iter().map(|f| std::path::Path::new(f).join(program)).find(there)
}

fn user_name(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    })
}

/// Whether subuid(5) or subgid(5) gives the user a range large enough for a whole system's ids.
fn has_range(file: &str, name: Option<&str>, uid: u32) -> bool {
    const WHOLE: u64 = 65_536;
    file.lines().any(|line| {
        let mut fields = line.split(':');
        let who = fields.next().unwrap_or_default();
        let count = fields.nth(1).and_then(|count| count.trim().parse::<u64>().ok());
        (Some(who) == name || who == uid.to_string()) && count.is_some_and(|count| count >= WHOLE)
    })
}

/// Words in a log, what they mean, and what to do. The first match counts: a full disk also shows
/// as a failed mirror.
const SIGNS: [(&[&str], Kind, &str, &str); 5] = [
    (
        &["No space left on device"],
        Kind::NoSpace,
        "the disk is full: mmdebstrap works in $TMPDIR, or /tmp",
        "free 4 GiB there, or set TMPDIR to a folder with room",
    ),
    (
        &["NO_PUBKEY", "BADSIG", "EXPKEYSIG", "REVKEYSIG", "is not signed", "couldn't be verified"],
        Kind::Refused,
        "the archive is not signed by a key in",
        "check the mirror and the keyring's package; never switch the check off",
    ),
    (
        &["Unable to locate package", "has no installation candidate", "was not found"],
        Kind::Input,
        "the archives lack a package that is needed",
        "check its name, and the archives and components of the base's definition",
    ),
    (
        &["Failed to fetch", "Could not resolve", "Connection failed", "Hash Sum mismatch"],
        Kind::Network,
        "a mirror failed",
        "check the network and apt's proxy, or add a mirror to the base's definition",
    ),
    (
        &["unshare", "newuidmap", "user namespace"],
        Kind::Refused,
        "mmdebstrap gets no user namespace",
        "Ubuntu restricts them since 23.10: install AppArmor's profile for mmdebstrap, or run sysctl \
         kernel.apparmor_restrict_unprivileged_userns=0 as root, or build the base as root",
    ),
];

/// The error that mmdebstrap's log describes; the whole log is kept at `path`.
pub fn failure(log: &str, definition: &Definition, path: &Path) -> Error {
    // mmdebstrap's reports of its steps say nothing about the failure
    let said: Vec<&str> =
        log.lines().filter(|line| !line.starts_with("I: ") && !line.is_empty()).collect();
    let (before, end) = said.split_at(said.len().saturating_sub(SCREEN));
    let mut shown = end.to_vec();
    // the first complaint is nearest to the cause; those that follow from it may have pushed it off
    // the screen
    let complaint = |line: &&&str| line.contains("error: ") || line.starts_with("E: ");
    if let Some(first) = before.iter().find(complaint) {
        shown.splice(0..0, [*first, "…"]);
    }
    let all = format!("the whole output is in {}", path.display());
    shown.push(&all);
    let ends = shown.join("\n");
    let told = |word: &&str| said.iter().any(|line| line.contains(word));
    let sign = SIGNS.iter().find(|(words, ..)| words.iter().any(told));
    let Some((_, kind, what, remedy)) = sign else {
        return Error::new(Kind::Tool, format!("mmdebstrap failed\n{ends}"));
    };
    let keyring = match &definition.keyring {
        Some(keyring) if what.ends_with(" in") => format!(" {}", keyring.file.display()),
        _ => String::new(),
    };
    Error::new(*kind, format!("{what}{keyring}\n{ends}")).remedy(*remedy)
}

/// The number of lines of a failed run that an error shows: the tools involved say the same thing
/// in many lines.
const SCREEN: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(log: &str) -> Kind {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/images");
        let definition = Definition::find(shipped, "debian-12").unwrap();
        let error = failure(log, &definition, Path::new("/x.log"));
        assert!(error.to_string().contains(log.lines().last().unwrap()), "{error}");
        error.kind()
    }

    #[test]
    fn what_failed_is_told_apart() {
        for (log, kind) in [
            ("I: a...\nW: GPG error: x InRelease: NO_PUBKEY 0E98404D386FA1D9", Kind::Refused),
            ("E: The repository 'x noble InRelease' is not signed.", Kind::Refused),
            ("E: Failed to fetch x  Could not resolve 'x'", Kind::Network),
            ("E: Failed to fetch x  Hash Sum mismatch", Kind::Network),
            ("E: Unable to locate package nginz", Kind::Input),
            ("tar: ./usr: Cannot write: No space left on device", Kind::NoSpace),
            ("E: unshare syscall failed: Operation not permitted", Kind::Refused),
            ("E: setup failed: something else", Kind::Tool),
        ] {
            assert_eq!(kind_of(log), kind, "{log}");
        }
    }

    #[test]
    fn the_first_complaint_is_shown_also_when_much_was_said_after_it() {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/images");
        let definition = Definition::find(shipped, "debian-12").unwrap();
        let log = format!("a\ndpkg: error: the cause\n{}E: the end", "more\n".repeat(50));
        let shown = failure(&log, &definition, Path::new("/x.log")).to_string();
        assert!(shown.contains("the cause") && shown.contains("the end"), "{shown}");
        assert!(shown.lines().count() < 12 && shown.ends_with("is in /x.log"), "{shown}");
    }

    #[test]
    fn a_users_range_of_ids_must_hold_a_whole_system() {
        let file = "root:100000:65536\nann:165536:65536\nbob:300000:1000\n1004:400000:65536\n";
        assert!(has_range(file, Some("ann"), 1001));
        assert!(!has_range(file, Some("bob"), 1002));
        assert!(!has_range(file, Some("eve"), 1003));
        assert!(has_range(file, Some("dan"), 1004));
        assert!(has_range(file, None, 1004));
    }

    #[test]
    fn a_user_is_found_by_number() {
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1001:1001::/home/ann:/bin/sh\n";
        assert_eq!(user_name(passwd, 1001).as_deref(), Some("ann"));
        assert_eq!(user_name(passwd, 7), None);
    }
}
