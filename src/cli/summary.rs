//! What a customer gets, in words and groups: what sales verify with the customer before an image is made, and
//! ops when they hold one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::appliance::STATUS_PORT;
use crate::bundle::Parameters;
use crate::manifest::ProfileRecord;
use crate::profile::{Probe, public_key_in_words};

use super::terminal::clean;

/// A port that every machine listens on, beside the status page's.
const SSH: u16 = 22;

/// Words in the name of a setting that is not shown: what the site does not declare may still be a secret.
const SECRETS: [&str; 8] =
    ["password", "passwd", "passphrase", "secret", "token", "credential", "private", "apikey"];

/// Stands in the place of a secret.
const MASK: &str = "(secret, not shown)";

/// Some rows below one heading.
pub(super) struct Group {
    pub title: &'static str,
    pub rows: Vec<(String, String)>,
}

impl Group {
    fn new(title: &'static str) -> Self {
        Self { title, rows: Vec::new() }
    }

    fn row(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        self.rows.push((clean(name.as_ref()), clean(value.as_ref())));
    }

    /// One row an item, the name before the first; `none` where there are none.
    fn list(&mut self, name: &str, items: &[String], none: &str) {
        if items.is_empty() {
            self.row(name, none);
        }
        for (i, item) in items.iter().enumerate() {
            self.row(if i == 0 { name } else { "" }, item);
        }
    }
}

/// What a port is asked for, as in "/health".
pub(super) type Ports = BTreeMap<u16, String>;

/// What the HTTP probes ask.
pub(super) fn probed(probes: &[Probe]) -> Ports {
    let http = |probe: &Probe| match probe {
        Probe::Http { http, port, .. } => Some((*port, http.clone())),
        Probe::Unit { .. } | Probe::Command { .. } => None,
    };
    // the first of a port names it
    probes.iter().rev().filter_map(http).collect()
}

/// Values of settings, which a record does not have, and what the site declares of them.
pub(super) struct Values<'a> {
    pub given: &'a BTreeMap<String, Value>,
    pub declared: Option<&'a Parameters>,
}

/// The groups of a profile; `values` are there where the profile is at hand, `ports` are the application's.
pub(super) fn of(
    profile: &ProfileRecord,
    values: Option<&Values<'_>>,
    ports: &Ports,
) -> Vec<Group> {
    vec![
        customer(profile),
        network(profile),
        access(profile, ports),
        machine(profile),
        settings(profile, values),
    ]
}

fn customer(profile: &ProfileRecord) -> Group {
    let mut group = Group::new("customer");
    let customer = &profile.customer;
    group.row("customer", format!("{} ({})", customer.name, customer.id));
    group.row("contact", customer.contact.as_deref().unwrap_or("not said"));
    group.row("product", profile.product());
    if let Some(open) = &profile.branding.open {
        group.row("opened at", open);
    }
    for (i, line) in profile.branding.banner.as_deref().unwrap_or_default().lines().enumerate() {
        group.row(if i == 0 { "banner" } else { "" }, line);
    }
    group
}

fn network(profile: &ProfileRecord) -> Group {
    let mut group = Group::new("network");
    group.row("host name", profile.hostname());
    let network = &profile.network;
    match (&network.address, &network.gateway) {
        (Some(address), gateway) => {
            group.row("address", format!("{address}, fixed"));
            group.row("gateway", gateway.as_deref().unwrap_or("none"));
        }
        (None, _) => group.row("address", "from the network (DHCP)"),
    }
    let dynamic = network.address.is_none();
    let given = if dynamic { "from the network" } else { "none: names are not resolved" };
    group.row("name servers", or(network.dns.join(", "), given));
    group.row("proxy", network.proxy.as_deref().unwrap_or("none"));
    group.row("time servers", or(network.ntp.join(", "), "the base's own"));
    group.row("time zone", profile.system.timezone.as_deref().unwrap_or("UTC"));
    group
}

fn or(text: String, none: &str) -> String {
    if text.is_empty() { none.to_owned() } else { text }
}

fn access(profile: &ProfileRecord, ports: &Ports) -> Group {
    let mut group = Group::new("access");
    let keys: Vec<String> =
        profile.access.ssh_keys.iter().map(|key| public_key_in_words(key)).collect();
    group.list("keys of admin", &keys, "none: the machine's console shows the first password");
    let application = ports.iter().map(|(port, path)| (*port, format!("the application ({path})")));
    let own = [(SSH, "SSH".to_owned()), (STATUS_PORT, "the machine's state, HTTP".to_owned())];
    let all: BTreeMap<u16, String> = application.chain(own).collect();
    let ports: Vec<String> = all.iter().map(|(port, what)| format!("{port}: {what}")).collect();
    group.list("ports", &ports, "none");
    group
}

fn machine(profile: &ProfileRecord) -> Group {
    let mut group = Group::new("machine");
    let hardware = &profile.hardware;
    let grows = if hardware.grow { "grows with the virtual disk" } else { "does not grow" };
    group.row("disk", format!("{}, {grows}", hardware.disk));
    group.row("memory", hardware.memory.to_string());
    group.row("processors", hardware.vcpus.to_string());
    let how = match profile.master.mode.as_str() {
        "apply" => "by puppet apply, without a server",
        "puppetserver" => "by its own Puppet Server",
        other => other,
    };
    group.row(
        "converges",
        match profile.master.interval_minutes {
            0 => format!("{how}, once"),
            minutes => format!("{how}, every {minutes} minutes"),
        },
    );
    group
}

fn settings(profile: &ProfileRecord, values: Option<&Values<'_>>) -> Group {
    let mut group = Group::new("settings");
    for key in &profile.hiera.keys {
        match values.and_then(|values| values.shown(key)) {
            Some(value) => group.row(key, value),
            None => group.row(key, "set; its value is not in the record"),
        }
    }
    for (key, parameter) in values.and_then(|values| values.declared).into_iter().flatten() {
        if let Some(default) =
            parameter.default.as_ref().filter(|_| !profile.hiera.keys.contains(key))
        {
            group.row(key, format!("{}, the site's default", masked(key, default)));
        }
    }
    for file in &profile.files {
        let from = match &file.source {
            Some(source) => format!("from profiles/{source}"),
            None => "written in the profile".to_owned(),
        };
        group.row(&file.path, format!("a file, mode {}, {from}", file.mode));
    }
    if !profile.packages.is_empty() {
        group.row("packages", profile.packages.join(", "));
    }
    group
}

impl Values<'_> {
    /// A setting as it may be shown: what the site calls secret is not, whatever its name.
    fn shown(&self, key: &str) -> Option<String> {
        let value = self.given.get(key)?;
        let parameter = self.declared.and_then(|declared| declared.get(key));
        Some(match parameter {
            Some(parameter) if parameter.secret => MASK.to_owned(),
            _ => masked(key, value),
        })
    }
}

/// A setting as it may be shown. Tables are looked into: a secret may lie deep.
fn masked(key: &str, value: &Value) -> String {
    fn mask(key: &str, value: &Value) -> Value {
        match value {
            _ if is_secret(key) => Value::from(MASK),
            Value::Object(map) => {
                map.iter().map(|(key, value)| (key.clone(), mask(key, value))).collect()
            }
            Value::Array(items) => items.iter().map(|item| mask("", item)).collect(),
            plain => plain.clone(),
        }
    }
    match mask(key, value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace(['_', '-'], "");
    SECRETS.iter().any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_not_shown_however_deep_they_lie() {
        let shown =
            masked("app::database", &json!({ "user": "x", "api_key": "hidden-1", "n": [1] }));
        assert_eq!(shown, r#"{"api_key":"(secret, not shown)","n":[1],"user":"x"}"#);
        for key in ["app::admin_password", "app::db::passwd", "smtp::auth-token", "client_secret"] {
            assert_eq!(masked(key, &json!("hidden")), "(secret, not shown)", "{key}");
        }
        assert_eq!(masked("app::title", &json!("Guestbook")), "Guestbook");
        let list = masked("app::users", &json!([{ "name": "a", "password": "hidden" }]));
        assert!(!list.contains("hidden"), "{list}");
    }
}
