//! The local master: Puppet Server from the distribution's packages, for one small machine that
//! serves only itself; or `puppet apply` without a server.
//!
//! [`master_layer`] is made once for each base: the packages, and the server's Clojure compiled
//! ahead of time. [`configure`] is a pure function on a tree. No key is made here: the image has
//! none, and the first boot calls `master-setup` (each script in templates/puppet says at its head
//! what it guarantees).

mod files;
mod master;

use tera::Context;

pub use master::master_layer;

use crate::error::{Error, Kind, Result};
use crate::profile::MasterMode;
use crate::template::{Language, render};
use crate::tree::{Tree, TreePath};
use crate::units::Timestamp;

/// The name by which the agent reaches the master; /etc/hosts leads it to loopback.
pub const SERVER: &str = "puppet.appliance.internal";
/// Certificates are for `<instance uuid>.DOMAIN`; .internal is reserved for private use by ICANN.
pub const DOMAIN: &str = "appliance.internal";
/// The certificate authority's folder.
pub const CA_DIR: &str = "/etc/puppet/puppetserver/ca";
/// Keys and certificates that agent and server share.
pub const SSL_DIR: &str = "/var/lib/puppet/ssl";
/// Puppet's cache.
pub const VAR_DIR: &str = "/var/cache/puppet";

/// What the configuration depends on.
#[derive(Clone, Copy, Debug)]
pub struct MasterFacts {
    /// Whether the machine converges against its own server.
    pub mode: MasterMode,
    /// The image's time.
    pub time: Timestamp,
}

/// Units that would start Puppet by themselves; the converge does that.
const ENABLED: [&str; 2] = [
    "etc/systemd/system/multi-user.target.wants/puppet.service",
    "etc/systemd/system/multi-user.target.wants/puppetserver.service",
];

/// Puts the configuration and the scripts into the tree.
///
/// # Errors
/// When the tree already holds keys or certificates, when it lacks the server that the mode needs,
/// or when a path is already taken.
pub fn configure(tree: &mut Tree, facts: &MasterFacts) -> Result<()> {
    refuse_keys(tree)?;
    if facts.mode == MasterMode::Puppetserver && tree.get("usr/bin/puppetserver").is_none() {
        return Err(Error::new(Kind::Input, "the base has no Puppet Server")
            .remedy("set master.mode = \"apply\", or choose a base that has one"));
    }
    for file in files::CONFIGURED {
        let text = render(Language::Plain, file.path, file.text, &variables(facts.mode))?;
        tree.put_file(file.path, file.mode, facts.time, text)?;
    }
    for path in ENABLED {
        tree.remove(path);
    }
    // an agent daemon beside the converge would run without anybody looking at the result
    tree.put_symlink("/etc/systemd/system/puppet.service", "/dev/null", facts.time)
}

/// What the templates of the master insert.
fn variables(mode: MasterMode) -> Context {
    let mode = match mode {
        MasterMode::Puppetserver => "puppetserver",
        MasterMode::Apply => "apply",
    };
    let mut context = Context::new();
    for (name, value) in [
        ("mode", mode),
        ("server", SERVER),
        ("domain", DOMAIN),
        ("cadir", CA_DIR),
        ("ssldir", SSL_DIR),
        ("vardir", VAR_DIR),
    ] {
        context.insert(name, value);
    }
    context
}

/// Two machines made from one image must not share a key: any key here was made while the base was
/// built.
fn refuse_keys(tree: &Tree) -> Result<()> {
    for folder in [CA_DIR, SSL_DIR] {
        let folder = TreePath::new(folder.as_bytes())?;
        let below = tree.iter().map(|(path, _)| path);
        if let Some(key) = below.filter(|p| **p != folder).find(|p| p.starts_with(&folder)) {
            let message = format!("the base holds {key}: keys are made on first boot only");
            return Err(Error::new(Kind::Refused, message).remedy("build the base anew"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(mode: MasterMode) -> Tree {
        let mut tree = Tree::new();
        tree.put_file("/usr/bin/puppetserver", 0o755, Timestamp::default(), "").unwrap();
        configure(&mut tree, &MasterFacts { mode, time: Timestamp::default() }).unwrap();
        tree
    }

    fn text(tree: &Tree, path: &str) -> String {
        String::from_utf8(tree.file(path).unwrap().read().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn the_mode_is_what_the_scripts_read() {
        for (mode, word) in
            [(MasterMode::Puppetserver, "puppetserver"), (MasterMode::Apply, "apply")]
        {
            let tree = configured(mode);
            let line = format!("SLIPWAY_MASTER={word}\n");
            assert!(text(&tree, "etc/slipway/master.env").ends_with(&line));
        }
    }

    #[test]
    fn scripts_and_puppet_agree_on_the_folders() {
        let tree = configured(MasterMode::Puppetserver);
        let (conf, common) = (
            text(&tree, "etc/puppet/puppet.conf"),
            text(&tree, "usr/lib/slipway/master-common.sh"),
        );
        for (key, value) in [("cadir", CA_DIR), ("ssldir", SSL_DIR), ("vardir", VAR_DIR)] {
            assert!(conf.contains(&format!("{key} = {value}\n")), "{key}");
            assert!(common.contains(&format!("{key}={value}\n")), "{key}");
        }
    }

    #[test]
    fn a_tree_with_a_key_is_refused() {
        for path in ["/var/lib/puppet/ssl/private_keys/a.pem", "/etc/puppet/puppetserver/ca/serial"]
        {
            let mut tree = configured(MasterMode::Apply);
            tree.put_file(path, 0o640, Timestamp::default(), "x").unwrap();
            let facts = MasterFacts { mode: MasterMode::Apply, time: Timestamp::default() };
            assert_eq!(configure(&mut tree, &facts).unwrap_err().kind(), Kind::Refused);
        }
    }

    #[test]
    fn puppet_runs_only_when_the_converge_says_so() {
        let mut tree = Tree::new();
        for path in ENABLED {
            tree.put_symlink(path, "/lib/systemd/system/x", Timestamp::default()).unwrap();
        }
        let facts = MasterFacts { mode: MasterMode::Apply, time: Timestamp::default() };
        configure(&mut tree, &facts).unwrap();
        assert!(ENABLED.iter().all(|path| tree.get(path).is_none()));
    }

    #[test]
    fn a_base_without_a_server_is_refused_with_the_remedy() {
        let facts = MasterFacts { mode: MasterMode::Puppetserver, time: Timestamp::default() };
        let error = configure(&mut Tree::new(), &facts).unwrap_err();
        assert!(error.find_remedy().unwrap().contains("apply"), "{error}");
    }
}
