//! The user database as text: pure edits of passwd(5), shadow(5) and group(5).
//!
//! `useradd` in the base's root was rejected: it would need a user namespace for every customer,
//! and its output depends on its version and configuration.

use crate::error::{Error, Kind, Result};

/// A user who may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User<'a> {
    /// Login name.
    pub name: &'a str,
    /// Number of the user and of the group of the same name.
    pub id: u32,
    /// For people.
    pub title: &'a str,
    /// Home folder.
    pub home: &'a str,
    /// Login shell.
    pub shell: &'a str,
}

/// Adds the line of `user` to passwd(5).
///
/// # Errors
/// The name or the number belongs to another user.
pub fn add_passwd(text: &str, user: &User<'_>) -> Result<String> {
    let User { name, id, title, home, shell } = user;
    if numbered(text, *id).is_some_and(|owner| owner != *name) {
        return Err(taken("user", *id));
    }
    Ok(set_line(text, name, &format!("{name}:x:{id}:{id}:{title}:{home}:{shell}")))
}

/// Adds a locked entry for `name` to shadow(5): no password matches `!`, but keys work. The field
/// for the last change (in days since 1970) is empty: passwords do not expire until the machine
/// sets one.
pub fn add_shadow(text: &str, name: &str) -> String {
    set_line(text, name, &format!("{name}:!::0:99999:7:::"))
}

/// Locks the password of `name` in shadow(5), keeping the rest of its line.
pub fn lock(text: &str, name: &str) -> String {
    match line_of(text, name) {
        Some(line) => {
            let rest = line.splitn(3, ':').nth(2).unwrap_or(":0:99999:7:::");
            set_line(text, name, &format!("{name}:*:{rest}"))
        }
        None => text.to_owned(),
    }
}

/// Adds the user's own group to group(5).
///
/// # Errors
/// The number belongs to another group.
pub fn add_group(text: &str, user: &User<'_>) -> Result<String> {
    if numbered(text, user.id).is_some_and(|owner| owner != user.name) {
        return Err(taken("group", user.id));
    }
    Ok(set_line(text, user.name, &format!("{}:x:{}:", user.name, user.id)))
}

/// Adds the line of the group `name` to gshadow(5), without a password.
pub fn add_gshadow(text: &str, name: &str) -> String {
    set_line(text, name, &format!("{name}:!::"))
}

/// Makes `name` a member of `group` in group(5) or gshadow(5); a missing group is not created.
pub fn join_group(text: &str, group: &str, name: &str) -> String {
    let Some(line) = line_of(text, group) else { return text.to_owned() };
    let members = line.rsplit(':').next().unwrap_or_default();
    if members.split(',').any(|m| m == name) {
        return text.to_owned();
    }
    let comma = if members.is_empty() { "" } else { "," };
    set_line(text, group, &format!("{line}{comma}{name}"))
}

fn taken(what: &str, id: u32) -> Error {
    Error::new(Kind::Input, format!("the base gives the {what} number {id} to somebody else"))
        .remedy("keep the numbers from 1000 free in the base")
}

/// The first line whose first field is `name`.
fn line_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find(|line| line.split(':').next() == Some(name))
}

/// The name of the line whose third field is `id`.
fn numbered(text: &str, id: u32) -> Option<&str> {
    let id = id.to_string();
    let line = text.lines().find(|line| line.split(':').nth(2) == Some(&id))?;
    line.split(':').next()
}

/// Replaces the line of `name`, or appends it.
fn set_line(text: &str, name: &str, line: &str) -> String {
    let mut out = String::with_capacity(text.len() + line.len() + 1);
    let mut found = false;
    for old in text.lines() {
        let ours = old.split(':').next() == Some(name);
        if ours && found {
            continue;
        }
        found |= ours;
        out.push_str(if ours { line } else { old });
        out.push('\n');
    }
    if !found {
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMIN: User<'_> =
        User { name: "admin", id: 1000, title: "Admin", home: "/home/admin", shell: "/bin/bash" };

    #[test]
    fn a_user_is_added_once() {
        let once = add_passwd("root:x:0:0:root:/root:/bin/bash\n", &ADMIN).unwrap();
        assert!(once.ends_with("admin:x:1000:1000:Admin:/home/admin:/bin/bash\n"));
        assert_eq!(add_passwd(&once, &ADMIN).unwrap(), once);
    }

    #[test]
    fn a_number_that_is_somebody_elses_is_refused() {
        assert!(add_passwd("eve:x:1000:1000::/:/bin/sh\n", &ADMIN).is_err());
        assert!(add_group("eve:x:1000:\n", &ADMIN).is_err());
    }

    #[test]
    fn a_member_joins_behind_the_others_and_once() {
        let text = "sudo:x:27:\nadm:x:4:syslog\n";
        let joined = join_group(&join_group(text, "sudo", "admin"), "adm", "admin");
        assert_eq!(joined, "sudo:x:27:admin\nadm:x:4:syslog,admin\n");
        assert_eq!(join_group(&joined, "adm", "admin"), joined);
        assert_eq!(join_group(&joined, "wheel", "admin"), joined);
    }

    #[test]
    fn a_locked_password_keeps_the_rest_of_the_line() {
        assert_eq!(lock("root:$6$x:20780:0:99999:7:::\n", "root"), "root:*:20780:0:99999:7:::\n");
        assert_eq!(lock("a:*:::::::\n", "root"), "a:*:::::::\n");
    }

    #[test]
    fn a_file_without_a_last_newline_keeps_its_last_line() {
        assert_eq!(add_shadow("root:*:1::::::", "a"), "root:*:1::::::\na:!::0:99999:7:::\n");
    }
}
