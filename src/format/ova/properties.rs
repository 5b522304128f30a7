//! Settings that whoever imports the appliance can make, and that its first boot reads.

use super::xml::Xml;
use crate::format::Settings;

/// The groups in which importers show properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Network,
    Access,
}

impl Group {
    fn title(self) -> &'static str {
        match self {
            Self::Network => "Network",
            Self::Access => "Access",
        }
    }
}

/// One property. Its key is a contract with the first boot; the rest is for people.
struct Property {
    group: Group,
    key: &'static str,
    label: &'static str,
    description: &'static str,
    /// What applies if it stays empty.
    otherwise: String,
}

/// In the order of their groups: a group's title comes only before its first property.
fn properties(built: &Settings) -> [Property; 7] {
    use Group::{Access, Network};
    let as_built = || "as it was built".to_owned();
    let property = |group, key, label, description, otherwise: String| Property {
        group,
        key,
        label,
        description,
        otherwise,
    };
    let name = property(
        Network,
        "slipway.hostname",
        "Host name",
        "The machine's name, with or without its domain.",
        built.hostname.clone(),
    );
    let address = property(
        Network,
        "slipway.address",
        "Address",
        "A fixed IPv4 or IPv6 address with its prefix length, as in 192.0.2.10/24.",
        built.address.clone().unwrap_or_else(|| "DHCP".to_owned()),
    );
    let gateway = property(
        Network,
        "slipway.gateway",
        "Gateway",
        "The router; needed with a fixed address.",
        or_network(built.gateway.iter()),
    );
    let dns = property(
        Network,
        "slipway.dns",
        "Name servers",
        "Addresses, separated by commas.",
        or_network(built.dns.iter()),
    );
    let ntp = property(
        Network,
        "slipway.ntp",
        "Time servers",
        "Names or addresses, separated by commas.",
        or_network(built.ntp.iter()),
    );
    let proxy = property(
        Network,
        "slipway.proxy",
        "Proxy",
        "The proxy for HTTP and HTTPS, as in http://proxy.example:3128.",
        as_built(),
    );
    let keys = property(
        Access,
        "slipway.admin_keys",
        "SSH keys of admin",
        "OpenSSH public keys of the user admin, separated by commas or line ends.",
        as_built(),
    );
    [name, address, gateway, dns, ntp, proxy, keys]
}

fn or_network<'s>(values: impl Iterator<Item = &'s String>) -> String {
    let values: Vec<&str> = values.map(String::as_str).collect();
    if values.is_empty() { "what the network says".to_owned() } else { values.join(", ") }
}

/// Writes the properties into a product section.
///
/// All of them are empty strings: an importer hands every prefilled value to the machine, which has
/// the profile's value already. So the description mentions the value instead.
pub fn write(built: &Settings, xml: &mut Xml) {
    let mut group = None;
    for property in properties(built) {
        if group.replace(property.group) != Some(property.group) {
            xml.leaf("Category", property.group.title());
        }
        let attributes = [
            ("ovf:key", property.key),
            ("ovf:type", "string"),
            ("ovf:userConfigurable", "true"),
            ("ovf:value", ""),
        ];
        xml.element("Property", &attributes, |xml| {
            xml.leaf("Label", property.label);
            let (description, otherwise) = (property.description, &property.otherwise);
            xml.leaf("Description", &format!("{description} Empty: {otherwise}."));
        });
    }
}
