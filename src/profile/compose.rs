//! Writes a new profile: a valid one, with comments that show what else it may contain.

use std::collections::BTreeMap;

/// The answers that a new profile is made from. Whether they are valid shows when the text is
/// checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// The customer's name for people.
    pub name: Option<String>,
    /// Whom to ask.
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
    /// Values of the site's parameters, by their Hiera keys.
    pub settings: BTreeMap<String, toml::Value>,
}

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
# disk = "8 GiB"                       # root grows to the disk at every boot
# memory = "2 GiB"
# vcpus = 2

# [access]                             # who may log in as admin
# ssh_keys = ["ssh-ed25519 AAAA... ana@example"]

# [branding]                           # what the console shows
# product = "Acme ERP"
# banner = "One or more lines above the status"

# [hiera]                              # this customer's values win over the site's
# "profile::app::workers" = 4

# [[files]]                            # one block a file
# path = "/etc/motd"
# content = "Hello\n"

# [[probes]]                           # what the smoke test asks of the machine
# http = "/health"
# text = "ok"
"#;

/// The part of the examples that stays until there are settings.
const NO_SETTINGS: &str = r#"# [hiera]                              # this customer's values win over the site's
# "profile::app::workers" = 4
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
    text.push_str("\n[customer]\n");
    pairs(&mut text, &[("name", &answers.name), ("contact", &answers.contact)]);
    if answers.settings.is_empty() {
        text.push_str(EXAMPLES);
        return text;
    }
    let mut settings = String::from("[hiera]\n");
    for (key, value) in &answers.settings {
        settings.push_str(&format!("{} = {value}\n", toml::Value::String(key.clone())));
    }
    text.push_str(&EXAMPLES.replacen(NO_SETTINGS, &settings, 1));
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
