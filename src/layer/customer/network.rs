//! Addresses, names, proxy and time: systemd-networkd, -resolved and -timesyncd, the same on every
//! base.

use std::net::IpAddr;

use tera::Context;

use super::system::check_host_name;
use crate::error::{Error, Kind, Result};
use crate::profile::{Addressing, Network};
use crate::template::{Language, render};
use crate::tree::Tree;
use crate::units::Timestamp;

const NETWORK: &str = include_str!("../../../templates/customer/50-slipway.network");
const TIMESYNCD: &str = include_str!("../../../templates/customer/timesyncd.conf");
const RESOLVED: &str = include_str!("../../../templates/customer/resolved.conf");
const ENVIRONMENT: &str = include_str!("../../../templates/customer/environment");
const APT_PROXY: &str = include_str!("../../../templates/customer/apt-proxy.conf");

/// The settings of a fixed address, for the first wired adapter only. At every boot the machine
/// adds that adapter's name, and configures DHCP for the others. Only if that step fails does
/// `50-slipway.network` apply to all of them.
const FIRST_ADAPTER: &str = "/etc/slipway/first.network";

/// What each of systemd's daemons needs: the daemon, its package, and the links that `systemctl
/// enable` makes.
const DAEMONS: &[(&str, &str, &[&str])] = &[
    ("systemd-networkd", "systemd", &["multi-user.target.wants/systemd-networkd.service"]),
    (
        "systemd-resolved",
        "systemd-resolved",
        &[
            "multi-user.target.wants/systemd-resolved.service",
            "dbus-org.freedesktop.resolve1.service",
        ],
    ),
    (
        "systemd-timesyncd",
        "systemd-timesyncd",
        &[
            "sysinit.target.wants/systemd-timesyncd.service",
            "dbus-org.freedesktop.timesync1.service",
        ],
    ),
];

/// Adds the network's files and enables the daemons that use them.
pub fn add(tree: &mut Tree, network: &Network, time: Timestamp) -> Result<()> {
    enable_daemons(tree, time)?;
    let text = interface(network)?;
    if network.address.is_some() {
        // without the match: the machine decides at every boot which of its adapters is the first
        let settings = &text[text.find("[Network]").unwrap_or_default()..];
        tree.put_file(FIRST_ADAPTER, 0o644, time, settings)?;
    }
    tree.put_file("/etc/systemd/network/50-slipway.network", 0o644, time, text)?;
    // resolved answers there; the builder's own name servers must not stay
    tree.put_symlink("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf", time)?;
    tree.put_file("/etc/systemd/resolved.conf.d/10-slipway.conf", 0o644, time, RESOLVED)?;
    if !network.ntp.is_empty() {
        let text = time_servers(&network.ntp)?;
        tree.put_file("/etc/systemd/timesyncd.conf.d/10-slipway.conf", 0o644, time, text)?;
    }
    match &network.proxy {
        Some(proxy) => add_proxy(tree, proxy, time),
        None => Ok(()),
    }
}

fn enable_daemons(tree: &mut Tree, time: Timestamp) -> Result<()> {
    for (daemon, package, links) in DAEMONS {
        if tree.get(format!("usr/lib/systemd/{daemon}")).is_none() {
            return Err(Error::new(Kind::Input, format!("the base lacks {daemon}"))
                .remedy(format!("add the package {package} to the base's definition in images/")));
        }
        let unit = format!("/usr/lib/systemd/system/{daemon}.service");
        for link in *links {
            tree.put_symlink(&format!("/etc/systemd/system/{link}"), &unit, time)?;
        }
    }
    Ok(())
}

fn interface(network: &Network) -> Result<String> {
    let mut context = Context::new();
    if let Some(address) = &network.address {
        check_prefix(address)?;
    }
    for (what, list) in [("gateway", network.gateway.as_slice()), ("name server", &network.dns)] {
        for address in list {
            check_address(what, address)?;
        }
    }
    context.insert("on_link", &is_on_link(network));
    context.insert("address", &network.address);
    context.insert("gateway", &network.gateway);
    context.insert("dns", &network.dns);
    // name servers in the profile replace those that DHCP offers
    context.insert("use_dns", if network.dns.is_empty() { "yes" } else { "no" });
    render(Language::Systemd, "50-slipway.network", NETWORK, &context)
}

/// Whether the machine is alone in its network, so that the router is outside it. networkd accepts
/// such a route only if it is told that the router is on the link. A link-local router always is.
fn is_on_link(network: &Network) -> bool {
    let alone = matches!(
        network.addressing(),
        Ok(Addressing::Static { address: IpAddr::V4(_), prefix: 32, .. }
            | Addressing::Static { address: IpAddr::V6(_), prefix: 128, .. })
    );
    let gateway = network.gateway.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
    alone && !matches!(gateway, Some(IpAddr::V6(v6)) if v6.is_unicast_link_local())
}

fn check_address(what: &str, text: &str) -> Result<()> {
    match text.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(wrong(what, text, "write an address such as \"192.0.2.1\"")),
    }
}

fn check_prefix(text: &str) -> Result<()> {
    let fits = |(address, bits): (&str, &str)| {
        let most = if address.parse::<IpAddr>().ok()?.is_ipv4() { 32 } else { 128 };
        let digits = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        (digits && bits.parse::<u8>().ok()? <= most).then_some(())
    };
    text.split_once('/')
        .and_then(fits)
        .ok_or_else(|| wrong("address", text, "write it with its prefix, as in \"192.0.2.10/24\""))
}

fn time_servers(servers: &[String]) -> Result<String> {
    for server in servers {
        if server.parse::<IpAddr>().is_err() {
            check_host_name(server)?;
        }
    }
    let mut context = Context::new();
    context.insert("servers", servers);
    render(Language::Systemd, "timesyncd.conf", TIMESYNCD, &context)
}

fn add_proxy(tree: &mut Tree, proxy: &str, time: Timestamp) -> Result<()> {
    if !(proxy.starts_with("http://") || proxy.starts_with("https://")) {
        return Err(wrong("proxy", proxy, "write it as in \"http://proxy.example:3128\""));
    }
    let mut context = Context::new();
    context.insert("proxy", proxy);
    for (path, template) in
        [("/etc/environment", ENVIRONMENT), ("/etc/apt/apt.conf.d/90slipway-proxy", APT_PROXY)]
    {
        let text = render(Language::Word, path, template, &context)?;
        tree.put_file(path, 0o644, time, text)?;
    }
    Ok(())
}

fn wrong(what: &str, text: &str, remedy: &str) -> Error {
    let shown = text.escape_debug();
    Error::new(Kind::Input, format!("\"{shown}\" is not a {what}")).remedy(remedy)
}
