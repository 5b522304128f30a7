//! Host name, hosts, time zone.

use tera::Context;

use crate::error::{Error, Kind, Result};
use crate::profile::{self, Profile};
use crate::template::{Language, render};
use crate::tree::{Node, Tree, TreePath};
use crate::units::Timestamp;

/// The longest label of a host name, in letters (RFC 1035, section 2.3.4).
const LABEL: usize = 63;
/// The longest whole name, in letters (RFC 1035, section 2.3.4, as written with dots).
const NAME: usize = 253;

const HOSTS: &str = include_str!("../../../templates/customer/hosts");

/// Adds `/etc/hostname`, `/etc/hosts` and `/etc/localtime`.
pub fn add(tree: &mut Tree, profile: &Profile, time: Timestamp) -> Result<()> {
    let name = host_name(profile);
    check_host_name(name)?;
    let short = name.split('.').next().unwrap_or(name);
    // the kernel's name is the short one, as on Debian; hosts has the long one first
    tree.put_file("/etc/hostname", 0o644, time, format!("{short}\n"))?;
    let names = if short == name { vec![name] } else { vec![name, short] };
    let mut context = Context::new();
    context.insert("names", &names.join(" "));
    let hosts = render(Language::Systemd, "hosts", HOSTS, &context)?;
    tree.put_file("/etc/hosts", 0o644, time, hosts)?;
    add_time_zone(tree, profile.system.timezone.as_deref().unwrap_or("Etc/UTC"), time)
}

/// The machine's name: the profile's, else the customer's id.
pub fn host_name(profile: &Profile) -> &str {
    profile.system.hostname.as_deref().unwrap_or(&profile.customer.id)
}

/// Checks that `name` is a host name (RFC 1123, section 2.1); the error says why not.
pub fn check_host_name(name: &str) -> Result<()> {
    let label = |l: &str| {
        (1..=LABEL).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if name.len() <= NAME && name.split('.').all(label) {
        return Ok(());
    }
    let shown = name.escape_debug();
    Err(Error::new(Kind::Input, format!("\"{shown}\" is not a host name"))
        .remedy("write letters, digits and hyphens, in labels of at most 63 separated by dots"))
}

fn add_time_zone(tree: &mut Tree, zone: &str, time: Timestamp) -> Result<()> {
    let wrong = || {
        let shown = zone.escape_debug();
        let error = Error::new(Kind::Input, format!("the base has no time zone \"{shown}\""));
        match profile::todays_time_zone(zone) {
            Some(today) => error.remedy(format!(
                "write \"{today}\", or add \"tzdata-legacy\" to the profile's packages"
            )),
            None => error.remedy(
                "write a name such as \"Europe/Berlin\", and have the package tzdata in the base",
            ),
        }
    };
    let file = format!("/usr/share/zoneinfo/{zone}");
    let path = TreePath::new(file.as_bytes()).map_err(|_| wrong())?;
    // a folder such as "Europe", or a name with "//" in it, would make a link that means UTC
    let there = tree.get(&path).is_some_and(|e| !matches!(e.node, Node::Directory));
    if !there || path.as_bytes() != &file.as_bytes()[1..] {
        return Err(wrong());
    }
    tree.put_symlink("/etc/localtime", &file, time)?;
    tree.put_file("/etc/timezone", 0o644, time, format!("{zone}\n"))
}
