//! The first boot: the units and scripts that turn a machine started from an image into its
//! release, and prove it.
//!
//! The scripts are the same in every image and are added unchanged, so that `shellcheck` judges
//! what runs. Everything that differs is in one file of assignments, `/etc/slipway/slipway.conf`,
//! and in two folders of questions, one file each (`health/`, `probes/`): a command or a path is
//! then data, never part of a script.

mod files;
mod hardening;
mod needs;

use tera::Context;

pub use crate::bundle::Health;
use crate::error::{Error, Kind, Result};
use crate::profile::{MasterMode, Probe};
use crate::template::{Language, render};
use crate::tree::{Tree, TreePath};
use crate::units::Timestamp;

/// Written by the catalog (class `slipway::sentinel`) with the release id: the proof that the
/// catalog was this release's.
pub const SENTINEL: &str = "/var/lib/slipway/converged-release";
/// Minutes between the tries of a machine that is not READY, if the profile turns routine runs off.
const RETRY_MINUTES: u32 = 30;

/// Files that the system makes again when they are missing; dbus then uses systemd's machine-id.
const MADE_BY_THE_MACHINE: [&[u8]; 3] = [
    b"var/lib/systemd/random-seed",
    b"var/lib/systemd/credential.secret",
    b"var/lib/dbus/machine-id",
];

/// What the first boot has to know about an image.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstBootFacts {
    /// The product's name, for people.
    pub product: String,
    /// Lines above the status on the console.
    pub banner: Option<String>,
    /// The release id, as in "demo-1.0.0+b1".
    pub release: String,
    /// The site.
    pub site: String,
    /// How the machine converges.
    pub mode: MasterMode,
    /// Minutes between runs after the first success; 0 turns them off.
    pub interval_minutes: u32,
    /// Whether root grows to the disk at every boot.
    pub grow: bool,
    /// The image's time; also the time of the files added.
    pub time: Timestamp,
    /// The application's health checks, all asked on 127.0.0.1 before READY. See
    /// [`Health::choose`].
    pub health: Vec<Health>,
    /// The profile's probes; those of kind unit and command are asked on the machine, by their
    /// index here.
    pub probes: Vec<Probe>,
}

impl Health {
    /// The bundle's own checks; when it has none, the profile's HTTP probes.
    ///
    /// Not both: a probe may ask for something that is visible only from outside, or only after
    /// data was stored.
    pub fn choose(bundle: &[Self], probes: &[Probe]) -> Vec<Self> {
        if !bundle.is_empty() {
            return bundle.to_vec();
        }
        probes.iter().filter_map(Self::of_probe).collect()
    }

    fn of_probe(probe: &Probe) -> Option<Self> {
        match probe {
            // with this the smoke test stores its own value, to ask for it afterwards: nothing to
            // wait for
            Probe::Http { post: Some(_), .. } => None,
            // a probe that asks for that value finds it only after the test has stored it
            Probe::Http { text: Some(text), .. } if text.contains("{nonce}") => None,
            Probe::Http { http, port, status, text, .. } => {
                Some(Self { port: *port, path: http.clone(), status: *status, text: text.clone() })
            }
            Probe::Unit { .. } | Probe::Command { .. } => None,
        }
    }

    /// The check in the form that `verify` reads: one line each.
    fn file(&self) -> Result<String> {
        let plain = |c: char| c.is_ascii_graphic();
        if !self.path.starts_with('/') || !self.path.chars().all(plain) {
            let shown = self.path.escape_debug();
            return Err(Error::new(
                Kind::Input,
                format!("\"{shown}\" is not a path of a health check"),
            )
            .remedy("write it as in a request: a leading slash, no spaces, other letters as %XX"));
        }
        let text = self.text.as_deref().unwrap_or_default();
        one_line("the text of a health check", text)?;
        Ok(format!("{}\n{}\n{}\n{text}\n", self.port, self.path, self.status))
    }
}

/// Adds the first boot to `tree`, and removes what each machine makes for itself.
///
/// # Errors
/// A base that lacks one of the programs that the scripts call, or a value that does not fit into
/// its file.
pub fn add(tree: &mut Tree, facts: &FirstBootFacts) -> Result<()> {
    needs::check(tree)?;
    forget_identity(tree, facts.time)?;
    for (path, mode, text) in files::FIXED {
        tree.put_file(path, *mode, facts.time, *text)?;
    }
    for (path, target) in files::LINKS {
        tree.put_symlink(path, target, facts.time)?;
    }
    for folder in [
        "/var/lib/slipway",
        "/var/lib/slipway/stamps",
        "/etc/slipway/hiera",
        "/etc/slipway/ports.d",
    ] {
        tree.put_directory(folder, 0o755, facts.time)?;
    }
    hardening::add(tree, facts.time)?;
    add_facts(tree, facts)?;
    add_ports(tree, facts)?;
    add_questions(tree, facts)
}

fn add_facts(tree: &mut Tree, facts: &FirstBootFacts) -> Result<()> {
    for (what, value) in [
        ("the product", &facts.product),
        ("the release", &facts.release),
        ("the site", &facts.site),
    ] {
        one_line(what, value)?;
    }
    if facts.banner.iter().flat_map(|b| b.chars()).any(|c| c.is_control() && c != '\n') {
        return Err(Error::new(Kind::Input, "the banner holds control characters")
            .remedy("write it as plain text"));
    }
    let mut context = Context::new();
    context.insert("product", &facts.product);
    context.insert("release", &facts.release);
    context.insert("site", &facts.site);
    context.insert("mode", mode_word(facts.mode));
    context.insert("time", &facts.time.seconds);
    context.insert("interval", &facts.interval_minutes);
    context.insert("grow", if facts.grow { "yes" } else { "no" });
    context.insert("banner", facts.banner.as_deref().unwrap_or_default());
    let conf = render(Language::Shell, "slipway.conf", files::CONF, &context)?;
    tree.put_file("/etc/slipway/slipway.conf", 0o644, facts.time, conf)?;

    // the boot menu's title
    let product = format!("{}\n", facts.product);
    tree.put_file("/usr/lib/slipway/product", 0o644, facts.time, product)?;

    let minutes = if facts.interval_minutes == 0 { RETRY_MINUTES } else { facts.interval_minutes };
    let mut context = Context::new();
    context.insert("minutes", &minutes);
    let timer = render(Language::Systemd, "slipway-converge.timer", files::TIMER, &context)?;
    tree.put_file("/usr/lib/systemd/system/slipway-converge.timer", 0o644, facts.time, timer)
}

/// The ports that the firewall opens once the machine is READY, and where people find the
/// application. A port that a probe asks from outside is meant for outside, and a health check's
/// port belongs to the application.
fn add_ports(tree: &mut Tree, facts: &FirstBootFacts) -> Result<()> {
    let asked = facts.probes.iter().filter_map(|probe| match probe {
        Probe::Http { port, .. } => Some(*port),
        Probe::Unit { .. } | Probe::Command { .. } => None,
    });
    let mut ports: Vec<u16> = Vec::new();
    for port in asked.chain(facts.health.iter().map(|health| health.port)) {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    let lines: String = ports.iter().map(|port| format!("tcp {port}\n")).collect();
    tree.put_file("/etc/slipway/ports", 0o644, facts.time, lines)?;
    match ports.first() {
        Some(port) => tree.put_file("/etc/slipway/address", 0o644, facts.time, format!("{port}\n")),
        None => Ok(()),
    }
}

/// The word that the scripts compare with.
fn mode_word(mode: MasterMode) -> &'static str {
    match mode {
        MasterMode::Puppetserver => "puppetserver",
        MasterMode::Apply => "apply",
    }
}

fn add_questions(tree: &mut Tree, facts: &FirstBootFacts) -> Result<()> {
    for (index, health) in facts.health.iter().enumerate() {
        tree.put_file(&format!("/etc/slipway/health/{index}"), 0o644, facts.time, health.file()?)?;
    }
    for (index, probe) in facts.probes.iter().enumerate() {
        let (kind, text) = match probe {
            Probe::Http { .. } => continue,
            Probe::Unit { unit } => ("unit", unit),
            Probe::Command { command } => ("command", command),
        };
        if kind == "unit" {
            one_line("the unit of a probe", text)?;
        }
        let path = format!("/etc/slipway/probes/{index}.{kind}");
        // root runs it, and the command may contain a password
        tree.put_file(&path, 0o600, facts.time, format!("{text}\n"))?;
    }
    Ok(())
}

/// No two machines may share these; each machine makes its own, most of them by `identity`.
fn forget_identity(tree: &mut Tree, time: Timestamp) -> Result<()> {
    let doomed: Vec<TreePath> = tree
        .iter()
        .map(|(path, _)| path)
        .filter(|path| {
            path.as_bytes().starts_with(b"etc/ssh/ssh_host_")
                || MADE_BY_THE_MACHINE.iter().any(|made| path.as_bytes() == *made)
        })
        .cloned()
        .collect();
    for path in doomed {
        tree.remove(&path);
    }
    // machine-id(5): to systemd this word means a first boot, and it writes a new id over it
    tree.put_file("/etc/machine-id", 0o444, time, "uninitialized\n")
}

/// A value that becomes one line of a file must not contain two.
fn one_line(what: &str, value: &str) -> Result<()> {
    if value.chars().any(char::is_control) {
        let shown = value.escape_debug();
        return Err(Error::new(Kind::Input, format!("{what} is more than one line: \"{shown}\""))
            .remedy("write it without control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
