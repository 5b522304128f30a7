//! What a file's name says.

use super::LeakRule;

/// What the first bytes of a file must be for its name to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Any byte.
    Anything,
    /// A machine's id: 32 hexadecimal digits (machine-id(5)).
    MachineId,
    /// A hash in the second field of a line (shadow(5)).
    Hash,
    /// A word that says that something is kept in it.
    Word(&'static [&'static str]),
}

/// Files by their paths.
const PATHS: [(&str, LeakRule, Needs, &str); 10] = [
    ("/etc/machine-id", LeakRule::MachineId, Needs::MachineId, "the machine's id"),
    ("/var/lib/dbus/machine-id", LeakRule::MachineId, Needs::MachineId, "the machine's id"),
    ("/var/lib/systemd/random-seed", LeakRule::RandomSeed, Needs::Anything, "saved randomness"),
    ("/var/lib/urandom/random-seed", LeakRule::RandomSeed, Needs::Anything, "saved randomness"),
    (
        "/var/lib/systemd/credential.secret",
        LeakRule::RandomSeed,
        Needs::Anything,
        "the host's secret for credentials",
    ),
    ("esp:/loader/random-seed", LeakRule::RandomSeed, Needs::Anything, "saved randomness"),
    (
        "/etc/ssl/private/ssl-cert-snakeoil.key",
        LeakRule::PrivateKey,
        Needs::Anything,
        "the key of the snake oil certificate",
    ),
    (
        "/etc/ssl/certs/ssl-cert-snakeoil.pem",
        LeakRule::Certificate,
        Needs::Anything,
        "the snake oil certificate of a host",
    ),
    ("/etc/shadow", LeakRule::PasswordHash, Needs::Hash, "the hash of a password"),
    ("/etc/gshadow", LeakRule::PasswordHash, Needs::Hash, "the hash of a group's password"),
];
/// Files by their names, wherever they are.
const NAMES: [(&str, LeakRule, Needs); 19] = [
    (".bash_history", LeakRule::ShellHistory, Needs::Anything),
    (".zsh_history", LeakRule::ShellHistory, Needs::Anything),
    (".ash_history", LeakRule::ShellHistory, Needs::Anything),
    (".sh_history", LeakRule::ShellHistory, Needs::Anything),
    (".python_history", LeakRule::ShellHistory, Needs::Anything),
    (".node_repl_history", LeakRule::ShellHistory, Needs::Anything),
    (".irb_history", LeakRule::ShellHistory, Needs::Anything),
    (".mysql_history", LeakRule::ShellHistory, Needs::Anything),
    (".psql_history", LeakRule::ShellHistory, Needs::Anything),
    (".sqlite_history", LeakRule::ShellHistory, Needs::Anything),
    (".rediscli_history", LeakRule::ShellHistory, Needs::Anything),
    (".lesshst", LeakRule::ShellHistory, Needs::Anything),
    (".viminfo", LeakRule::ShellHistory, Needs::Anything),
    (".netrc", LeakRule::Credentials, Needs::Word(&["password"])),
    (".git-credentials", LeakRule::Credentials, Needs::Word(&["://"])),
    (".pgpass", LeakRule::Credentials, Needs::Word(&[":"])),
    (".my.cnf", LeakRule::Credentials, Needs::Word(&["password"])),
    (".s3cfg", LeakRule::Credentials, Needs::Word(&["secret_key"])),
    (".vault-token", LeakRule::Credentials, Needs::Anything),
];
/// Files by the ends of their paths.
const ENDS: [(&str, Needs); 4] = [
    ("/.aws/credentials", Needs::Word(&["aws_"])),
    ("/.docker/config.json", Needs::Word(&["\"auth\"", "\"identitytoken\""])),
    ("/.kube/config", Needs::Word(&["token:", "client-key-data:", "password:"])),
    ("/.config/gh/hosts.yml", Needs::Word(&["oauth_token"])),
];
/// Folders where Puppet keeps a machine's certificates.
const PUPPET: [&str; 3] =
    ["/var/lib/puppet/ssl/", "/etc/puppetlabs/puppet/ssl/", "/etc/puppet/ssl/"];

/// What a file's name says, and what its first bytes must be so that it counts.
pub(super) fn of(path: &str) -> Option<(LeakRule, Needs, String)> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if let Some((_, rule, needs, what)) = PATHS.iter().find(|(known, ..)| *known == path) {
        return Some((*rule, *needs, (*what).to_owned()));
    }
    if path.starts_with("/etc/ssh/ssh_host_") && name.ends_with("_key") {
        return Some((LeakRule::HostKey, Needs::Anything, format!("the SSH server's key {name}")));
    }
    if PUPPET.iter().any(|folder| path.starts_with(folder)) && name.ends_with(".pem") {
        return Some((
            LeakRule::Certificate,
            Needs::Anything,
            "Puppet's certificate or key of a machine".to_owned(),
        ));
    }
    if let Some((_, rule, needs)) = NAMES.iter().find(|(known, ..)| *known == name) {
        let what = match rule {
            LeakRule::ShellHistory => format!("the history {name}"),
            _ => format!("credentials in {name}"),
        };
        return Some((*rule, *needs, what));
    }
    let end = ENDS.iter().find(|(end, _)| path.ends_with(end));
    end.map(|(end, needs)| (LeakRule::Credentials, *needs, format!("credentials in {}", &end[1..])))
}

impl Needs {
    /// Whether the first bytes of a file are these.
    pub fn are_met(self, start: &[u8]) -> bool {
        match self {
            Self::Anything => !start.is_empty(),
            Self::MachineId => {
                let id = start.trim_ascii();
                id.len() == 32 && id.iter().all(u8::is_ascii_hexdigit)
            }
            Self::Hash => start.split(|b| *b == b'\n').any(|line| {
                // a locked account's hash begins with an exclamation mark, and is a hash still
                let field = line.split(|b| *b == b':').nth(1).unwrap_or_default();
                field.trim_ascii().iter().find(|b| **b != b'!') == Some(&b'$')
            }),
            Self::Word(words) => {
                words.iter().any(|word| start.windows(word.len()).any(|w| w == word.as_bytes()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_only_with_what_makes_it_a_leak() {
        let met = |path: &str, start: &str| {
            of(path).is_some_and(|(_, needs, _)| needs.are_met(start.as_bytes()))
        };
        assert!(met("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"));
        assert!(!met("/etc/machine-id", "uninitialized\n") && !met("/etc/machine-id", ""));
        assert!(met("/etc/shadow", "root:*:1\nadmin:!$y$j9T$x:1\n"));
        assert!(!met("/etc/shadow", "root:*:19000:0:99999:7:::\nadmin:!:1\n"));
        assert!(met("/home/x/.netrc", "machine a login b password c"));
        assert!(!met("/root/.bash_history", "") && met("/root/.bash_history", "ls\n"));
        assert!(met("/root/.aws/credentials", "aws_secret_access_key=x"));
        assert!(of("/etc/ssh/ssh_host_ed25519_key").is_some());
        assert!(of("/etc/ssh/ssh_host_ed25519_key.pub").is_none() && of("/etc/motd").is_none());
    }
}
