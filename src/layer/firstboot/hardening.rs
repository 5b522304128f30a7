//! Edits of the base's own files against guessed passwords and growing logs. Pure edits of text.

use crate::error::{Error, Kind, Result};
use crate::layer::text::edit;
use crate::tree::Tree;
use crate::units::Timestamp;

/// Five wrong passwords within a quarter of an hour lock the user's password for ten minutes;
/// logins by key still work. These are arguments, not a copy of /etc/security/faillock.conf: that
/// file is the package's, and a copy would overrule whoever edits it.
const FAILLOCK: &str = "deny=5 fail_interval=900 unlock_time=600";
/// A larger log is rotated before its time; the timer checks every hour.
const MAX_SIZE: &str = "# Slipway: whatever a log's own file says of days, it does not grow beyond this\nmaxsize 50M\n\n";

/// Makes a new text from the old one; none when the file is not in the known form.
type Change = fn(&str) -> Option<String>;

/// Edits PAM's and logrotate's files.
pub fn add(tree: &mut Tree, time: Timestamp) -> Result<()> {
    let limited = |text: &str| Some(format!("{MAX_SIZE}{text}"));
    let changes: [(&str, Change); 3] = [
        ("/etc/pam.d/common-auth", count_failures),
        ("/etc/pam.d/common-account", forget_failures),
        ("/etc/logrotate.conf", limited),
    ];
    for (path, change) in changes {
        edit(tree, path, time, |text| once(text, change))?;
    }
    // pam_env looks for it at every login, whether it exists or not
    if tree.get("etc/default/locale").is_none() {
        tree.put_file("/etc/default/locale", 0o644, time, "LANG=C.UTF-8\n")?;
    }
    Ok(())
}

/// pam_faillock runs before all others, and once more when all of them have refused: just before
/// the line that denies. A module that succeeds jumps over that line, and now over ours, too.
fn count_failures(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let auth = |line: &str| line.split_whitespace().next() == Some("auth");
    let first = lines.iter().position(|line| auth(line))?;
    let deny = lines.iter().position(|line| auth(line) && line.contains("pam_deny.so"))?;
    let mut out = Vec::with_capacity(lines.len() + 2);
    for (at, line) in lines.iter().enumerate() {
        if at == first {
            out.push(format!("auth\trequired\tpam_faillock.so preauth silent {FAILLOCK}"));
        }
        if at == deny {
            out.push(format!("auth\t[default=die]\tpam_faillock.so authfail {FAILLOCK}"));
        }
        out.push(if at < deny { jump_further(line) } else { (*line).to_owned() });
    }
    Some(out.join("\n") + "\n")
}

/// `success=N` becomes `success=N+1`.
fn jump_further(line: &str) -> String {
    let jump = line.split_once("success=").and_then(|(before, rest)| {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u32 = rest[..end].parse().ok()?;
        Some(format!("{before}success={}{}", count + 1, &rest[end..]))
    });
    jump.unwrap_or_else(|| line.to_owned())
}

/// A successful login clears the count. This line comes first: one that is `sufficient` or `done`
/// ends the list.
fn forget_failures(text: &str) -> Option<String> {
    let at = text.lines().position(|line| line.split_whitespace().next() == Some("account"))?;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(at, "account\trequired\tpam_faillock.so");
    Some(lines.join("\n") + "\n")
}

/// Changes a text only once: one that was changed already stays as it is.
fn once(text: &str, change: fn(&str) -> Option<String>) -> Result<Option<String>> {
    if text.contains("pam_faillock.so") || text.contains(MAX_SIZE) {
        return Ok(None);
    }
    change(text).map(Some).ok_or_else(|| {
        Error::new(Kind::Input, "it is not as Debian's pam-auth-update writes it")
            .remedy("take a base whose PAM files are Debian's")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTH: &str = "# a comment\nauth\t[success=2 default=ignore]\tpam_unix.so nullok\n\
        auth\t[success=1 default=ignore]\tpam_sss.so use_first_pass\nauth\trequisite\t\t\tpam_deny.so\n\
        auth\trequired\t\t\tpam_permit.so\nauth\toptional\t\t\tpam_cap.so\n";

    #[test]
    fn a_failure_is_counted_only_when_every_module_has_said_no() {
        let text = count_failures(AUTH).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].contains("pam_faillock.so preauth"), "{text}");
        assert!(
            lines[2].contains("success=3") && lines[2].contains("pam_unix.so nullok"),
            "{text}"
        );
        assert!(lines[3].contains("success=2") && lines[3].contains("pam_sss.so"), "{text}");
        assert!(lines[4].contains("[default=die]\tpam_faillock.so authfail"), "{text}");
        assert!(lines[5].contains("pam_deny.so"), "{text}");
        assert_eq!(&lines[6..], &AUTH.lines().collect::<Vec<_>>()[4..]);
    }

    #[test]
    fn a_success_is_seen_before_any_line_that_ends_the_list() {
        let text =
            forget_failures("# x\naccount\t[success=1 new_authtok_reqd=done]\tpam_unix.so\n")
                .unwrap();
        assert!(
            text.starts_with("# x\naccount\trequired\tpam_faillock.so\naccount\t[success=1"),
            "{text}"
        );
    }

    #[test]
    fn a_file_that_is_not_debians_is_not_guessed_at() {
        assert_eq!(count_failures("@include system-auth\n"), None);
        assert_eq!(forget_failures(""), None);
    }
}
