//! Paths and modes of extra files.

use super::{Complaint, Verdict, text};

/// Longest path in bytes: far below what Linux accepts (4096), far above what anybody needs.
const PATH_LONGEST: usize = 200;

/// Files that slipway, the system or the first boot writes, and the profile's key for each.
const OWNED: [(&str, &str); 28] = [
    ("/bin", "write /usr/bin"),
    ("/boot", "the boot loader's files are not for profiles"),
    ("/dev", "devices are not stored in images"),
    ("/efi", "the boot loader's files are not for profiles"),
    ("/etc/fstab", "slipway writes it"),
    ("/etc/group", "accounts are managed by the site"),
    ("/etc/gshadow", "accounts are managed by the site"),
    ("/etc/hostname", "use system.hostname"),
    ("/etc/hosts", "slipway writes it"),
    ("/etc/localtime", "use system.timezone"),
    ("/etc/machine-id", "it is made on first boot"),
    ("/etc/passwd", "accounts are managed by the site"),
    ("/etc/puppet", "put settings into the site or into [hiera]"),
    ("/etc/puppetlabs", "put settings into the site or into [hiera]"),
    ("/etc/resolv.conf", "use network.dns"),
    ("/etc/shadow", "accounts are managed by the site"),
    ("/etc/slipway", "slipway writes it"),
    ("/etc/timezone", "use system.timezone"),
    ("/home/admin/.ssh", "use access.ssh_keys"),
    ("/lib", "write /usr/lib"),
    ("/lib64", "write /usr/lib64"),
    ("/proc", "the kernel's files are not stored in images"),
    ("/run", "it is empty at every boot"),
    ("/sbin", "write /usr/sbin"),
    ("/sys", "the kernel's files are not stored in images"),
    ("/tmp", "it is emptied at boot"),
    ("/usr/lib/slipway", "slipway writes it"),
    ("/var/lib/slipway", "slipway writes it"),
];

/// First-boot identity: the machine makes its own.
const HOST_KEYS: &str = "/etc/ssh/ssh_host_";

/// An absolute, normalised path in the image that slipway does not own itself.
pub(super) fn image(text: &str) -> Verdict {
    let wrong = |label: &str| Err(Complaint::new("this is not a path in the image", label));
    let Some(below) = text.strip_prefix('/') else {
        return wrong("it must begin with a slash")
            .map_err(|c| c.help("write an absolute path, as in \"/etc/motd\""));
    };
    components(below)?;
    if text.starts_with(HOST_KEYS) {
        return Err(owned(
            text,
            "host keys are made on first boot, so that no two machines share them",
        ));
    }
    let inside = |(folder, _): &&(&str, &str)| {
        text.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match OWNED.iter().find(inside) {
        Some((_, remedy)) => Err(owned(text, remedy)),
        None => Ok(()),
    }
}

fn owned(text: &str, remedy: &str) -> Complaint {
    Complaint::new(format!("a profile may not write {text}"), "not for extra files").help(remedy)
}

/// A path that is in an image or a release already, whatever its characters.
pub(super) fn found(path: &str) -> Verdict {
    if !path.starts_with('/') && !path.starts_with("esp:/") && !path.starts_with("release:/") {
        return Err(Complaint::new("this is not a path in an image", "it must begin with a slash")
            .help("write it as `slipway leaks` shows it, as in \"/opt/app/test/key.pem\""));
    }
    text::line(path)
}

/// A file below profiles/.
pub(super) fn source(text: &str) -> Verdict {
    if text.starts_with('/') {
        return Err(Complaint::new("this source is an absolute path", "it begins with a slash")
            .help("write a path below profiles/, as in \"files/acme/motd\""));
    }
    components(text)
}

fn components(text: &str) -> Verdict {
    let wrong = |label: String| {
        Err(Complaint::new("this is not a path", label)
            .help("allowed are A-Z, a-z, 0-9 and . _ - @ + between single slashes"))
    };
    if text.len() > PATH_LONGEST {
        return wrong(format!("longer than {PATH_LONGEST} characters"));
    }
    for part in text.split('/') {
        match part {
            "" => return wrong("it has an empty part".to_owned()),
            "." | ".." => return wrong(format!("it has the part \"{part}\"")),
            _ => {}
        }
    }
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+' | '/');
    match text.chars().find(|c| !allowed(*c)) {
        Some(c) => wrong(format!("it holds {c:?}")),
        None => Ok(()),
    }
}

/// Permission bits.
pub(super) fn mode(text: &str) -> Verdict {
    let good = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    if !good {
        return Err(Complaint::new("this is not a file's mode", "not octal")
            .help("write three or four octal digits, as in \"0644\""));
    }
    if text.len() == 4 && !text.starts_with('0') {
        return Err(Complaint::new(
            "this mode has setuid, setgid or sticky",
            "not for extra files",
        )
        .help("the first of four digits must be 0"));
    }
    Ok(())
}
