//! The page that goes with the images: Markdown, which reads well as plain text, too.

use std::fmt::Write as _;

use super::{Handover, ports};
use crate::build::Artifact;
use crate::platform::{Import, imports};
use crate::profile::{Profile, public_key_in_words};
use crate::units::MIB;

/// The page of a build; `picture` is of its console.
pub(super) fn page(handover: &Handover<'_>, picture: Option<&str>) -> String {
    let mut page = head(handover);
    for artifact in &handover.built.artifacts {
        for import in ways(artifact, handover.profile) {
            let title = import.platform.title();
            page.push_str(&format!("\n## {title}: {}\n\n", artifact.file));
            page.push_str(&filled(import.steps, &artifact.file, handover.profile));
            page.push('\n');
        }
    }
    page.push_str(&first_start(handover.profile, picture));
    page.push_str(&access(handover));
    page
}

fn head(handover: &Handover<'_>) -> String {
    let Handover { profile, bundle, built, .. } = handover;
    let mut text = format!(
        "# {} for {}\n\nRelease {}, built from packages and sources as of {}.\n\n| file | format | size |\n| --- | --- | --- |\n",
        plain(profile.product()),
        plain(&profile.customer.name),
        bundle.manifest.release,
        built.record.time,
    );
    for Artifact { file, format, size, .. } in &built.artifacts {
        // writing to a string does not fail
        let _ = writeln!(text, "| `{file}` | {format} | {size} |");
    }
    text.push_str(match built.artifacts.iter().all(|artifact| artifact.sha256.is_some()) {
        true => "\nTo check that the files arrived whole, run `sha256sum -c SHA256SUMS`; on Windows, compare `Get-FileHash FILE` with\n`SHA256SUMS`.\n",
        false => "\nThere is no `SHA256SUMS`: this build was told to compute no digests (`--no-digest`).\n",
    });
    let hardware = &profile.hardware;
    let grows =
        if hardware.grow { ", and may be made larger: the machine grows into it" } else { "" };
    let _ = writeln!(
        text,
        "\nThe machine needs {} of memory and {} processors; its disk has {}{grows}. It boots with BIOS and with UEFI.",
        hardware.memory, hardware.vcpus, hardware.disk
    );
    text
}

/// The ways for an artifact: on the platforms that were asked for, or on all that take it where it was asked for as a
/// format.
fn ways<'a>(
    artifact: &Artifact,
    profile: &'a Profile,
) -> impl Iterator<Item = &'static Import> + 'a {
    let format = artifact.format;
    let asked = profile.platforms.iter().any(|platform| platform.format() == format);
    imports(format).filter(move |import| !asked || profile.platforms.contains(&import.platform))
}

fn filled(steps: &str, file: &str, profile: &Profile) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let memory = profile.hardware.memory.bytes() / MIB;
    // the name last: it may not bring a word that is filled in
    steps
        .replace("{memory}", &memory.to_string())
        .replace("{vcpus}", &profile.hardware.vcpus.to_string())
        .replace("{plain}", stem)
        .replace("{file}", file)
        .replace("{name}", &profile.customer.id)
}

fn first_start(profile: &Profile, picture: Option<&str>) -> String {
    let network = &profile.network;
    let address = match (&network.address, &network.gateway) {
        (Some(address), Some(gateway)) => format!("{address}, gateway {gateway}"),
        (Some(address), None) => address.clone(),
        (None, _) => "from your network, by DHCP".to_owned(),
    };
    let or = |list: &[String], none: &str| match list.is_empty() {
        true => none.to_owned(),
        false => list.join(", "),
    };
    let given = if network.address.is_some() { "none" } else { "from your network" };
    let rows = [
        ("host name", profile.hostname().to_owned()),
        ("address", address),
        ("name servers", or(&network.dns, given)),
        ("time servers", or(&network.ntp, "the system's own")),
        ("proxy", network.proxy.clone().unwrap_or_else(|| "none".to_owned())),
        ("time zone", profile.timezone().to_owned()),
    ];
    let mut text = String::from(
        "\n## The first start\n\nThe machine sets itself up, without a network if need be. That takes some minutes. Its console shows the progress,\nand at the end READY, its addresses and the fingerprint of its SSH key. If the power fails, it continues at the next start.\n",
    );
    if let Some(picture) = picture {
        let _ = write!(text, "\n![the console when it is READY]({picture})\n");
    }
    text.push_str("\n| unless you set it when you import the machine | |\n| --- | --- |\n");
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {} |", plain(&value));
    }
    text
}

fn access(handover: &Handover<'_>) -> String {
    let profile = handover.profile;
    let mut text = String::from("\n## Log in\n\n");
    text.push_str(match profile.access.ssh_keys.is_empty() {
        true => "The user is `admin`. The console shows the first password, which you must change at the first login (`ssh admin@ADDRESS`,\nor on the console). No other machine has this password.\n",
        false => "`ssh admin@ADDRESS`, with one of these keys; there is no password:\n\n",
    });
    for key in &profile.access.ssh_keys {
        let _ = writeln!(text, "- {}", plain(&public_key_in_words(key)));
    }
    text.push_str("\n## How it is doing\n\n`http://ADDRESS:8008/` answers with status 200 while the application serves, and reports the state and what failed as JSON;\non the machine, `sudo slipway-status` prints them.");
    if let Some(open) = &profile.branding.open {
        let _ = write!(text, " The application is at <{}>.", open.replace("{address}", "ADDRESS"));
    }
    text.push_str("\n\nOpen these ports to it:\n\n| port | what |\n| --- | --- |\n");
    for (port, what) in ports(profile, handover.bundle) {
        let _ = writeln!(text, "| {port} | {what} |");
    }
    text + &whom_to_ask(profile)
}

fn whom_to_ask(profile: &Profile) -> String {
    let branding = &profile.branding;
    let mut lines = Vec::new();
    if let Some(contact) = &profile.customer.contact {
        lines.push(format!("At {}: {}.", plain(&profile.customer.name), plain(contact)));
    }
    match (&branding.vendor, &branding.product_url) {
        (Some(vendor), Some(page)) => lines.push(format!("Made by {}: <{page}>", plain(vendor))),
        (Some(vendor), None) => lines.push(format!("Made by {}.", plain(vendor))),
        (None, Some(page)) => lines.push(format!("The product's page: <{page}>")),
        (None, None) => {}
    }
    match lines.is_empty() {
        true => String::new(),
        false => format!("\n## Whom to ask\n\n{}\n", lines.join("\n\n")),
    }
}

/// A text that means itself in Markdown.
fn plain(text: &str) -> String {
    let special = |c: char| "\\`*_[]<>|#".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}
