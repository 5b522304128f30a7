//! Host names, addresses, URLs.

use std::net::IpAddr;

use super::{Complaint, Verdict};

/// RFC 1035, 2.3.4.
const LABEL_LONGEST: usize = 63;
/// HOST_NAME_MAX of Linux; RFC 1035 would allow 253 for a name that no machine has to bear.
const HOST_NAME_LONGEST: usize = 64;
/// RFC 1035, 2.3.4, minus the root's dot and length.
const DOMAIN_LONGEST: usize = 253;
/// The longest URL that we allow.
const URL_LONGEST: usize = 500;

/// The machine's own name.
pub(super) fn host_name(text: &str) -> Verdict {
    let help = "host names are a-z, 0-9 and inner hyphens in parts joined by dots, at most 64 \
                characters, as in \"erp.acme.example\"";
    let wrong = |label: String| Err(Complaint::new("this is not a host name", label).help(help));
    if text.len() > HOST_NAME_LONGEST {
        return wrong(format!("{} characters are too long", text.len()));
    }
    let lower = text.to_lowercase();
    if lower != text && is_domain(&lower) {
        return wrong(format!("write \"{lower}\""));
    }
    if !is_domain(text) {
        return wrong("not allowed here".to_owned());
    }
    if text == "localhost" || text.starts_with("localhost.") {
        return wrong("every machine calls itself that".to_owned());
    }
    Ok(())
}

/// Labels as in RFC 1123. The last one is not a number, so that a name is never taken for an
/// address.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=LABEL_LONGEST).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= DOMAIN_LONGEST
        && text.split('.').all(label)
        && !last.bytes().all(|b| b.is_ascii_digit())
}

/// One address, without a prefix length.
pub(super) fn ip(text: &str) -> Verdict {
    let wrong = |label: String| {
        Err(Complaint::new("this is not an IP address", label)
            .help("write it as \"192.0.2.1\" or \"2001:db8::1\""))
    };
    match text.parse::<IpAddr>() {
        Ok(address) if is_host(address) => Ok(()),
        Ok(_) => wrong("no machine can have this address".to_owned()),
        Err(_) => match text.split_once('/').filter(|(front, _)| front.parse::<IpAddr>().is_ok()) {
            Some((front, _)) => wrong(format!("write \"{front}\"")),
            None => wrong("not an address".to_owned()),
        },
    }
}

fn is_host(address: IpAddr) -> bool {
    // multicast (RFC 5771), reserved (RFC 1112, section 4) and the broadcast address
    let beyond = matches!(address, IpAddr::V4(v4) if v4.octets()[0] >= 224);
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback() || beyond)
}

/// An address with its prefix length: `192.0.2.10/24`.
pub(in crate::profile) fn interface(text: &str) -> Result<(IpAddr, u8), Complaint> {
    let wrong = |label: &str| {
        Err(Complaint::new("this is not an address with its prefix length", label)
            .help("write it as \"192.0.2.10/24\""))
    };
    let Some((front, prefix)) = text.split_once('/') else {
        return wrong("the prefix length is missing");
    };
    let Ok(address) = front.parse::<IpAddr>() else { return wrong("not an address") };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let digits =
        !prefix.is_empty() && prefix.len() <= 3 && prefix.bytes().all(|b| b.is_ascii_digit());
    let prefix = match prefix.parse::<u8>() {
        Ok(prefix) if digits && (1..=bits).contains(&prefix) => prefix,
        _ => return wrong("the prefix length is not in range"),
    };
    if !is_host(address) {
        return wrong("no machine can have this address");
    }
    if is_reserved_in(address, prefix) {
        return wrong("this is the network's own or its broadcast address");
    }
    Ok((address, prefix))
}

/// The first and the last address of an IPv4 network belong to no machine (except in a /31 or /32,
/// RFC 3021).
pub(in crate::profile) fn is_reserved_in(address: IpAddr, prefix: u8) -> bool {
    let IpAddr::V4(address) = address else { return false };
    if prefix >= 31 {
        return false;
    }
    let hosts = u32::MAX >> prefix;
    let host = address.to_bits() & hosts;
    host == 0 || host == hosts
}

/// Whether two addresses are in the same network.
pub(in crate::profile) fn same_network(one: IpAddr, other: IpAddr, prefix: u8) -> bool {
    let shift = |bits: u32| bits.saturating_sub(u32::from(prefix));
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (one.to_bits() ^ other.to_bits()).checked_shr(shift(32)).unwrap_or(0) == 0
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (one.to_bits() ^ other.to_bits()).checked_shr(shift(128)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// A time server: a name or an address.
pub(super) fn time_server(text: &str) -> Verdict {
    if is_domain(text) || ip(text).is_ok() {
        return Ok(());
    }
    Err(Complaint::new("this is not a time server", "neither a host name nor an address")
        .help("write it as \"ntp.acme.example\" or \"192.0.2.1\""))
}

/// An HTTP proxy without credentials.
pub(super) fn proxy(text: &str) -> Verdict {
    let wrong = |label: &str| {
        Complaint::new("this is not a proxy", label)
            .help("write it as \"http://proxy.example:3128\"")
    };
    let Some(rest) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else {
        return Err(wrong("it must begin with http:// or https://"));
    };
    if rest.contains('@') {
        return Err(secret("this proxy has credentials in it"));
    }
    authority(rest.strip_suffix('/').unwrap_or(rest)).map_err(wrong)
}

fn secret(message: &str) -> Complaint {
    Complaint::new(message, "a secret would be in every image and every log").help(
        "leave them out: let the proxy admit the machine's address, or set them on the machine",
    )
}

/// A page on the web, without credentials: everybody reads it.
pub(super) fn web_address(text: &str) -> Verdict {
    let wrong = |label: &str| {
        Err(Complaint::new("this is not the address of a page", label)
            .help("write it as \"https://vendor.example/product\""))
    };
    if text.len() > URL_LONGEST {
        return wrong("too long");
    }
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return wrong("it must begin with https:// or http://");
    };
    let (place, page) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if place.contains('@') {
        return Err(secret("this address has credentials in it"));
    }
    if let Err(label) = authority(place) {
        return wrong(label);
    }
    let plain = |c: char| c.is_ascii_graphic() && !"\"'<>\\`{}|^$".contains(c);
    if page.chars().all(plain) { Ok(()) } else { wrong("write other characters as %XX") }
}

/// The same, with the machine's own address or name in place of a host.
pub(super) fn open_address(text: &str) -> Verdict {
    web_address(&text.replace("{address}", "192.0.2.1").replace("{hostname}", "host.example"))
}

/// Host and port, the port optional.
fn authority(text: &str) -> Result<(), &'static str> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good = match in_brackets {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_domain(host) || host.parse::<std::net::Ipv4Addr>().is_ok(),
    };
    if !good {
        return Err("its host is neither a name nor an address");
    }
    let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    match port {
        Some(port) if !digits(port) || !port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Err("its port is not a number from 1 to 65535")
        }
        _ => Ok(()),
    }
}

/// Where bundles are.
pub(super) fn store(text: &str) -> Verdict {
    let wrong = |label: &str| {
        Complaint::new("this is not a store", label).help(
            "write \"https://host/path\", \"azure://account/container/folder\", \
             \"s3://bucket/folder\", \"gs://bucket/folder\", \"file:///folder\", or \
             \"file:folder\" for a folder below the project's root",
        )
    };
    if text.len() > URL_LONGEST {
        return Err(wrong("too long"));
    }
    if text.contains(['?', '#']) {
        return Err(Complaint::new("this store has a query in it", "keys and tokens are secrets")
            .help("leave out all from the question mark on"));
    }
    for (scheme, names) in [("azure://", 2), ("s3://", 1), ("gs://", 1)] {
        if let Some(rest) = text.strip_prefix(scheme) {
            return cloud(rest, names, wrong);
        }
    }
    if let Some(rest) = text.strip_prefix("https://") {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.contains('@') {
            return Err(secret("this store has credentials in it"));
        }
        authority(host).map_err(wrong)?;
        return url_path(path).map_err(wrong);
    }
    let Some(path) = text.strip_prefix("file:") else {
        return Err(wrong("it must begin with https://, azure://, s3://, gs:// or file:"));
    };
    match path.strip_prefix("//") {
        Some(absolute) => match absolute.strip_prefix('/') {
            Some(path) => url_path(path).map_err(wrong),
            None => Err(wrong("file:// takes an absolute path: three slashes")),
        },
        None if path.is_empty() || path.starts_with('/') => {
            Err(wrong("write file:/// for an absolute path"))
        }
        None => url_path(path).map_err(wrong),
    }
}

/// `names` is the number of leading parts that a cloud needs: account and container, or a bucket.
fn cloud(rest: &str, names: usize, wrong: impl Fn(&str) -> Complaint) -> Verdict {
    if rest.contains('@') {
        return Err(secret("this store has credentials in it"));
    }
    if rest.split('/').filter(|part| !part.is_empty()).count() < names {
        return Err(wrong("its container or bucket is missing"));
    }
    url_path(rest).map_err(wrong)
}

fn url_path(path: &str) -> Result<(), &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-+~/".contains(&b);
    if !path.bytes().all(allowed) {
        return Err("its path may hold only A-Z, a-z, 0-9 and . _ - + ~");
    }
    let parts = path.strip_suffix('/').unwrap_or(path);
    if !parts.is_empty() && parts.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("its path has an empty part or dots");
    }
    Ok(())
}

/// What a probe asks for: path and query.
pub(super) fn http_path(text: &str) -> Verdict {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/._~-+%?&=,:@".contains(&b);
    let dots = text.split(['/', '?']).any(|part| part == "." || part == "..");
    let good =
        text.starts_with('/') && !dots && text.len() <= URL_LONGEST && text.bytes().all(allowed);
    if good {
        return Ok(());
    }
    let label =
        if text.starts_with('/') { "not allowed here" } else { "it must begin with a slash" };
    Err(Complaint::new("this is not a path on a web server", label)
        .help("write it as \"/health\"; other characters as %20"))
}
