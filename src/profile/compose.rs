//! Writes a new profile: a valid one, with comments that show what else it may contain.

use std::collections::BTreeMap;

/// The answers that a new profile is made from. Whether they are valid shows when the text is
/// checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// The customer's name for people.
    pub name: Option<String>,
    /// The customer's contact person.
    pub contact: Option<String>,
    /// The shared parent.
    pub extends: Option<String>,
    /// The base image.
    pub base: Option<String>,
    /// The site.
    pub site: Option<String>,
    /// The channel.
    pub channel: Option<String>,
    /// The pinned version.
    pub bundle: Option<String>,
    /// Where bundles are.
    pub store: Option<String>,
    /// Platforms or formats.
    pub formats: Vec<String>,
    /// The time zone.
    pub timezone: Option<String>,
    /// A fixed address, with its prefix.
    pub address: Option<String>,
    /// The router.
    pub gateway: Option<String>,
    /// Name servers.
    pub dns: Vec<String>,
    /// The proxy.
    pub proxy: Option<String>,
    /// Size of the virtual disk.
    pub disk: Option<String>,
    /// Public keys of `admin`.
    pub ssh_keys: Vec<String>,
    /// The title on the console.
    pub product: Option<String>,
    /// Values of the site's parameters, by their Hiera keys.
    pub settings: BTreeMap<String, toml::Value>,
}

impl Answers {
    /// The answers that belong below a table's head, each with the table's name and the key.
    fn below_tables(&self) -> Vec<(&'static str, String, toml::Value)> {
        let text = |table, key: &str, value: &Option<String>| {
            value.clone().map(|value| (table, key.to_owned(), toml::Value::String(value)))
        };
        let list = |table, key: &str, values: &Vec<String>| {
            (!values.is_empty()).then(|| (table, key.to_owned(), toml::Value::from(values.clone())))
        };
        let settings = self.settings.iter().map(|(key, value)| {
            (SETTINGS, toml::Value::String(key.clone()).to_string(), value.clone())
        });
        let fixed = [
            text("system", "timezone", &self.timezone),
            text("network", "address", &self.address),
            text("network", "gateway", &self.gateway),
            list("network", "dns", &self.dns),
            text("network", "proxy", &self.proxy),
            text("hardware", "disk", &self.disk),
            list("access", "ssh_keys", &self.ssh_keys),
            text("branding", "product", &self.product),
        ];
        fixed.into_iter().flatten().chain(settings).collect()
    }
}

/// The table of the site's parameters.
const SETTINGS: &str = "hiera";

/// What else a profile may contain, as comments until somebody needs it.
const EXAMPLES: &str = r#"
# [system]
# hostname = "erp.acme.example"        # by default the customer's short name
# timezone = "Europe/Berlin"           # by default UTC

# [network]                            # DHCP unless an address is given
# address = "192.0.2.10/24"
# gateway = "192.0.2.1"
# dns = ["192.0.2.53"]
# proxy = "http://proxy.example:3128"
# ntp = ["ntp.example"]

# [hardware]
# disk = "8 GiB"                       # root grows to the size of the disk at every boot
# memory = "2 GiB"
# vcpus = 2

# [access]                             # who may log in as admin
# ssh_keys = ["ssh-ed25519 AAAA... ana@example"]

# [branding]                           # what the console shows
# product = "Acme ERP"
# banner = "One or more lines above the status"

# [hiera]                              # this customer's values override the site's
# "profile::app::workers" = 4

# [[files]]                            # one block per file
# path = "/etc/motd"
# content = "Hello\n"

# [[probes]]                           # what the smoke test asks the machine
# http = "/health"
# text = "ok"
"#;

/// A name in the spelling that profiles allow: keyboards have no typographic apostrophe, and
/// profiles allow no other one.
pub fn name_from(typed: &str) -> String {
    typed.trim().replace('\'', "\u{2019}")
}

/// The text of a new profile; `header` comes first.
pub fn write(answers: &Answers, header: &str) -> String {
    let mut text = String::from(header);
    text.push_str("# One customer's appliance. `slipway check` shows every error in it.\n\n");
    if answers.extends.is_some() {
        text.push_str(
            "# Tables merge with the parent's, lists and single values replace its own.\n",
        );
    }
    let top = [
        ("extends", &answers.extends),
        ("base", &answers.base),
        ("site", &answers.site),
        ("channel", &answers.channel),
        ("bundle", &answers.bundle),
        ("store", &answers.store),
    ];
    pairs(&mut text, &top);
    if !answers.formats.is_empty() {
        text.push_str(&format!("formats = {}\n", toml::Value::from(answers.formats.clone())));
    }
    text.push_str("\n[customer]\n");
    pairs(&mut text, &[("name", &answers.name), ("contact", &answers.contact)]);
    text.push_str(&examples(&answers.below_tables()));
    text
}

/// The examples, with each answer in place of its example.
fn examples(answers: &[(&str, String, toml::Value)]) -> String {
    let mut text = String::new();
    for block in EXAMPLES.trim_start_matches('\n').split("\n\n") {
        text.push('\n');
        let table = block.strip_prefix("# [").and_then(|rest| rest.split_once(']'));
        let table = table.map_or("", |(name, _)| name);
        let here: Vec<_> = answers.iter().filter(|(name, ..)| *name == table).collect();
        let mut lines = block.lines();
        if !here.is_empty()
            && let Some(head) = lines.next()
        {
            text.push_str(&format!("{}\n", head.trim_start_matches("# ")));
            here.iter().for_each(|(_, key, value)| text.push_str(&format!("{key} = {value}\n")));
        }
        let answered = |line: &&str| {
            here.iter().any(|(_, key, _)| line.starts_with(&format!("# {key} = ")))
                || (table == SETTINGS && !here.is_empty())
        };
        lines.filter(|line| !answered(line)).for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text
}

fn pairs(text: &mut String, pairs: &[(&str, &Option<String>)]) {
    for (key, value) in pairs {
        if let Some(value) = value {
            let value = toml::Value::String(value.clone());
            text.push_str(&format!("{key} = {value}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_cannot_become_a_key_of_its_own() {
        let name = Some("x\"\nbase = \"evil".to_owned());
        let text = write(&Answers { name: name.clone(), ..Answers::default() }, "");
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["customer"]["name"].as_str(), name.as_deref());
        assert!(!table.contains_key("base"));
    }

    #[test]
    fn settings_stand_where_the_example_of_settings_stood() {
        let list = toml::Value::Array(vec!["a".into(), 1.into()]);
        let settings = BTreeMap::from([("a::b".to_owned(), list.clone())]);
        let text = write(&Answers { settings, ..Answers::default() }, "");
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["hiera"]["a::b"], list);
        assert!(!text.contains("# [hiera]"), "{text}");
    }

    #[test]
    fn answers_stand_where_their_examples_stood_and_the_others_stay_comments() {
        let text = |text: &str| Some(text.to_owned());
        let answers = Answers {
            formats: vec!["vmware".to_owned(), "hyper-v".to_owned()],
            timezone: text("Europe/Lisbon"),
            address: text("192.0.2.7/24"),
            dns: vec!["192.0.2.53".to_owned(), "192.0.2.54".to_owned()],
            disk: text("40 GiB"),
            ..Answers::default()
        };
        let written = write(&answers, "");
        let table: toml::Table = written.parse().unwrap();
        assert_eq!(table["formats"].as_array().map(Vec::len), Some(2));
        assert_eq!(table["system"]["timezone"].as_str(), Some("Europe/Lisbon"));
        assert_eq!(table["network"]["dns"].as_array().map(Vec::len), Some(2));
        assert_eq!(table["hardware"].as_table().map(toml::Table::len), Some(1));
        assert!(written.contains("\n# gateway = \"192.0.2.1\"\n"), "{written}");
        assert!(written.contains("\n# [access] ") && !table.contains_key("access"), "{written}");
        assert_eq!(written.matches("address = ").count(), 1, "{written}");
        // without answers, the examples stay as they are
        assert!(write(&Answers::default(), "").ends_with(EXAMPLES));
    }

    #[test]
    fn every_example_is_valid_once_it_is_no_comment() {
        let plain: String = EXAMPLES
            .lines()
            .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
            .collect();
        let mut errors = Vec::new();
        let tree = super::super::node::parse(&plain, 0, &mut errors);
        let schema = super::super::schema::partial();
        super::super::walk::check(&schema, &tree, &[], &mut errors);
        errors.retain(|error| error.message != "this is not an SSH public key");
        assert_eq!(errors, []);
    }
}
