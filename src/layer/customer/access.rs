//! Who may log in: the user `admin`, by key or with the password that the machine makes for itself.

use tera::Context;

use super::users::{self, User};
use crate::error::{Error, Kind, Result};
use crate::layer::text::edit;
use crate::profile::Access;
use crate::template::{Language, render};
use crate::tree::{Entry, Meta, Node, Tree};
use crate::units::Timestamp;

/// The number of the user and their group: the first that distributions give to people.
pub const ADMIN_ID: u32 = 1000;

const ADMIN: User<'_> = User {
    name: "admin",
    id: ADMIN_ID,
    title: "Administrator",
    home: "/home/admin",
    shell: "/bin/bash",
};
/// Rights that an administrator has without a password prompt: sudo, reading logs and the journal.
const GROUPS: [&str; 3] = ["sudo", "adm", "systemd-journal"];
const SSHD: &str = include_str!("../../../templates/customer/sshd.conf");
const SUDOERS: &str = include_str!("../../../templates/customer/sudoers");

/// Creates the user and their keys, and configures what sshd and sudo allow.
pub fn add(tree: &mut Tree, access: &Access, time: Timestamp) -> Result<()> {
    add_user(tree, time)?;
    add_home(tree, time)?;
    add_keys(tree, &access.ssh_keys, time)?;
    let mut context = Context::new();
    context.insert("passwords", if access.ssh_keys.is_empty() { "yes" } else { "no" });
    let sshd = render(Language::Word, "sshd.conf", SSHD, &context)?;
    tree.put_file("/etc/ssh/sshd_config.d/10-slipway.conf", 0o644, time, sshd)?;
    if tree.get("usr/bin/sudo").is_none() {
        return Err(Error::new(Kind::Input, "the base lacks sudo, and root has no password")
            .remedy("add the package sudo to the base's definition in images/"));
    }
    tree.put_file("/etc/sudoers.d/slipway-admin", 0o440, time, SUDOERS)
}

/// The groups' file with the administrator added to all of their groups.
fn joined(text: String) -> String {
    GROUPS.iter().fold(text, |text, group| users::join_group(&text, group, ADMIN.name))
}

fn add_user(tree: &mut Tree, time: Timestamp) -> Result<()> {
    edit(tree, "/etc/passwd", time, |text| users::add_passwd(text, &ADMIN).map(Some))?;
    edit(tree, "/etc/shadow", time, |text| {
        Ok(Some(users::lock(&users::add_shadow(text, ADMIN.name), "root")))
    })?;
    edit(tree, "/etc/group", time, |text| {
        let text = users::add_group(text, &ADMIN)?;
        Ok(Some(joined(text)))
    })?;
    if tree.file("etc/gshadow").is_none() {
        return Ok(());
    }
    edit(tree, "/etc/gshadow", time, |text| {
        let text = users::add_gshadow(text, ADMIN.name);
        Ok(Some(joined(text)))
    })
}

/// The home folder, with the files that the base has for every new user.
fn add_home(tree: &mut Tree, time: Timestamp) -> Result<()> {
    own(tree, ADMIN.home, 0o700, time, Node::Directory)?;
    let skeleton: Vec<(String, Entry)> = tree
        .iter()
        .filter_map(|(path, entry)| {
            let name = path.to_string().strip_prefix("/etc/skel/")?.to_owned();
            Some((name, entry.clone()))
        })
        .collect();
    for (name, entry) in skeleton {
        own(tree, &format!("{}/{name}", ADMIN.home), entry.meta.mode, time, entry.node)?;
    }
    Ok(())
}

fn add_keys(tree: &mut Tree, keys: &[String], time: Timestamp) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for key in keys {
        check_key(key)?;
        text.push_str(key.trim());
        text.push('\n');
    }
    own(tree, "/home/admin/.ssh", 0o700, time, Node::Directory)?;
    let node = Node::File(text.into());
    own(tree, "/home/admin/.ssh/authorized_keys", 0o600, time, node)
}

/// A key is a type, base64 and a comment on one line; options in front of it could run commands.
fn check_key(key: &str) -> Result<()> {
    let mut words = key.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let blob = words.next().unwrap_or_default();
    let known = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|p| kind.starts_with(p));
    let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    // every key's data starts with the length of its type's name: three zero bytes
    let data = blob.starts_with("AAAA") && blob.bytes().all(base64);
    if known && data && !key.trim().chars().any(char::is_control) {
        return Ok(());
    }
    let shown: String = key.escape_debug().take(40).collect();
    Err(Error::new(Kind::Input, format!("\"{shown}\" is not an OpenSSH public key"))
        .remedy("take the one line of a .pub file, as in \"ssh-ed25519 AAAA… name\""))
}

/// Puts an entry owned by the user.
fn own(tree: &mut Tree, path: &str, mode: u16, time: Timestamp, node: Node) -> Result<()> {
    let meta = Meta { uid: ADMIN_ID, gid: ADMIN_ID, ..Meta::root(mode, time) };
    tree.put(path, Entry { meta, node })
}
