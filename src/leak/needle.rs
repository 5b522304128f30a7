//! What is looked for in one customer's image and in no other's: other customers, and the building machine.
//!
//! The rule for what alarms: an id or a name of at least [`SHORT`] characters, and a setting of at least [`LONG`]; as a
//! whole word; shorter ones than [`LONG`] only in text; and not if this customer's own profile has it. What a file of
//! the distribution has is common knowledge, too: `search` leaves that out.

use std::collections::HashSet;

use serde_json::Value;

use super::LeakRule;
use crate::profile::Profile;

/// The shortest id or name, and the shortest one that is looked for in files that are no text; in bytes.
const SHORT: usize = 4;
pub(super) const LONG: usize = 8;
/// What every machine has.
const EVERYWHERE: [&str; 4] = ["root", "localhost", "/root", "/tmp"];

/// The building machine; what is not known is not looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Builder {
    /// The user's name.
    pub user: Option<String>,
    /// The host's name.
    pub host: Option<String>,
    /// Folders: the user's home, the project, the cache.
    pub paths: Vec<String>,
}

/// One text, and what it means to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needle {
    pub text: String,
    pub rule: LeakRule,
    pub what: String,
}

/// What must not be in this customer's image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needles {
    pub(super) all: Vec<Needle>,
    /// The host's name for certificates, whose text is not in the clear.
    pub(super) host: Option<String>,
}

impl Needles {
    /// `own` is the customer's id, or none where nothing is known of them; `profiles` are all that the project has.
    pub fn new(own: Option<&str>, profiles: &[Profile], builder: &Builder) -> Self {
        let (own, others): (Vec<_>, Vec<_>) =
            profiles.iter().partition(|profile| own == Some(profile.customer.id.as_str()));
        let mut known = Vec::new();
        for profile in own {
            // a leak may be just what an extra file holds
            let profile = Profile { files: Vec::new(), ..profile.clone() };
            serde_json::to_value(profile).iter().for_each(|value| texts(value, &mut known));
        }
        let mut gathering = Gathering { known: known.join("\n"), ..Gathering::default() };
        for other in others {
            gathering.add_customer(other);
        }
        gathering.add_builder(builder);
        Self { all: gathering.all, host: builder.host.clone().filter(|host| !is_common(host)) }
    }
}

/// What is looked for so far. Two hundred customers have thousands of settings: each is compared with all others at once.
#[derive(Default)]
struct Gathering {
    all: Vec<Needle>,
    taken: HashSet<String>,
    /// The texts of this customer's own profile, one a line.
    known: String,
}

impl Gathering {
    fn add_customer(&mut self, other: &Profile) {
        let id = &other.customer.id;
        let names = [(id, "the id"), (&other.customer.name, "the name")];
        for (text, what) in names {
            let what = format!("{what} of the customer {id:?}");
            self.add(text, SHORT, LeakRule::OtherCustomer, what);
        }
        for (key, value) in &other.hiera {
            let mut values = Vec::new();
            texts(value, &mut values);
            for value in values {
                let what = format!("the value of {key} of the customer {id:?}");
                self.add(&value, LONG, LeakRule::OtherCustomersValue, what);
            }
        }
    }

    fn add_builder(&mut self, builder: &Builder) {
        let one = |text: &Option<String>| text.clone().into_iter();
        let words = one(&builder.user).map(|text| (text, "the user"));
        let words = words.chain(one(&builder.host).map(|text| (text, "the host")));
        let paths =
            builder.paths.iter().map(|path| (path.trim_end_matches('/').to_owned(), "a folder"));
        // a folder at the top is everybody's
        let paths = paths.filter(|(path, _)| path.matches('/').count() > 1);
        for (text, what) in words.chain(paths) {
            if !is_common(&text) {
                let what = format!("{what} of the building machine, {text:?}");
                self.add(&text, SHORT, LeakRule::Builder, what);
            }
        }
    }

    fn add(&mut self, text: &str, shortest: usize, rule: LeakRule, what: String) {
        let text = text.trim();
        let looked_for = text.len() >= shortest && !self.taken.contains(text);
        if looked_for && !self.known.contains(text) {
            self.taken.insert(text.to_owned());
            self.all.push(Needle { text: text.to_owned(), rule, what });
        }
    }
}

fn is_common(text: &str) -> bool {
    EVERYWHERE.contains(&text)
}

/// Every text in a value, and every line of each: a value of many lines is found by any of them.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(text.lines().map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(id: &str, name: &str, hiera: Value) -> Profile {
        serde_json::from_value(serde_json::json!({
            "customer": { "id": id, "name": name }, "base": "debian-12", "site": "demo", "channel": "stable",
            "store": "file:///srv/store", "hiera": hiera,
        }))
        .unwrap()
    }

    fn found(needles: &Needles) -> Vec<&str> {
        needles.all.iter().map(|needle| needle.text.as_str()).collect()
    }

    #[test]
    fn what_the_own_profile_has_and_what_is_short_is_not_looked_for() {
        let own =
            profile("acme-b", "Acme", serde_json::json!({ "app::mail": "mail.shared.example" }));
        let other = profile(
            "zenith",
            "Zenith Ltd",
            serde_json::json!({
                "app::mail": "mail.shared.example", "app::pin": "4711", "app::password": "correct horse",
                "app::more": { "list": ["battery staple", 3] },
            }),
        );
        let acme = profile("acme", "ABC", serde_json::json!({}));
        let needles = Needles::new(Some("acme-b"), &[own, other, acme], &Builder::default());
        assert_eq!(found(&needles), ["zenith", "Zenith Ltd", "battery staple", "correct horse"]);
    }

    #[test]
    fn the_building_machine_is_looked_for_but_not_what_every_machine_has() {
        let builder = Builder {
            user: Some("marta".to_owned()),
            host: Some("localhost".to_owned()),
            paths: ["/home/marta", "/root", "/work", "/srv/ci/"].map(str::to_owned).into(),
        };
        let needles = Needles::new(None, &[], &builder);
        assert_eq!(found(&needles), ["marta", "/home/marta", "/srv/ci"]);
        assert_eq!(needles.host, None);
    }
}
