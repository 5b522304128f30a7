//! The customer's file: parse, inherit, validate. All errors in a file are found at once, and each
//! points at its line and column.
//!
//! The steps: text -> spanned tree (`node`) -> merged with its parents (`inherit`) -> checked
//! against the schema of the types (`walk`) and for contradictions within itself (`whole`) ->
//! [`Profile`].

mod compose;
mod diagnostic;
mod folder;
mod inherit;
mod node;
mod odd;
mod other;
mod releasing;
mod rules;
mod schema;
mod suggest;
mod types;
mod views;
mod walk;
mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use compose::{Answers, name_from, write};
pub use diagnostic::{Diagnostic, Diagnostics, Place, SourceFile, Style};
pub use folder::{all, customers, find, names};
pub use inherit::SHARED;
pub use other::{Written, schema_of};
pub use releasing::{Allowed, LeakRule, Releasing};
pub use schema::{Audience, schema, with_settings};
pub(crate) use suggest::{nearest, nearest_key};
pub use types::{
    Access, Branding, Customer, ExtraFile, Guestinfo, Hardware, Master, MasterMode, Network, Probe,
    Profile, System,
};
pub use views::{Addressing, Content, Release};
pub(crate) use whole::is_hiera_key;

pub use crate::platform::Format;

use crate::platform;

/// The schema for editors, in the folder of profiles and in the folder of their parents.
pub const SCHEMA_FILE: &str = "schema.json";

/// What a project's folder contains and a profile may name.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Names of base images, without `.toml`.
    pub bases: Vec<String>,
    /// Those of them that lack the old names of time zones, as in "US/Eastern".
    pub without_old_zones: Vec<String>,
    /// The profiles of each customer's id: see [`customers`].
    pub customers: BTreeMap<String, Vec<PathBuf>>,
}

/// A valid profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The profile with everything inherited, and every default filled in.
    pub profile: Profile,
    /// The files that it came from, its own first.
    pub files: Vec<PathBuf>,
}

/// Reads, inherits and validates one profile.
///
/// # Errors
/// All errors in the profile and in its parents, or that the profile cannot be read.
pub fn load(path: &Path, known: &Known) -> Result<Loaded, Diagnostics> {
    load_draft(Draft::read(path, None), path, known)
}

/// The same for a profile that is not written yet: `text` is the content that its file will have.
///
/// # Errors
/// As for [`load`].
pub fn load_text(path: &Path, text: &str, known: &Known) -> Result<Loaded, Diagnostics> {
    load_draft(Draft::read(path, Some(text)), path, known)
}

fn load_draft(mut draft: Draft, path: &Path, known: &Known) -> Result<Loaded, Diagnostics> {
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    draft.check(schema::strict(), |tree, errors| {
        let folder = path.parent().unwrap_or(Path::new(""));
        whole::check(tree, &whole::ProfileFacts { known, folder }, errors);
        check_id(tree, &id, errors);
        check_alone(tree, &id, path, known, errors);
    });
    let (tree, files) = draft.finish()?;
    let mut value = node::table_to_json(&tree);
    let formats = value.get_mut("formats").and_then(serde_json::Value::as_array_mut);
    let platforms = formats.map(platform::resolve).unwrap_or_default();
    match serde_json::from_value::<Profile>(value) {
        Ok(profile) => {
            let files = files.into_iter().map(|file| file.path).collect();
            let profile = Profile { platforms, ..profile };
            Ok(Loaded { profile: profile.with_defaults(&id), files })
        }
        Err(e) => Err(Diagnostics::new(files, vec![Diagnostic::of_file(0, e.to_string())])),
    }
}

/// Validates a shared parent, which need not be complete; returns the files that were read.
///
/// # Errors
/// All errors in the parent and in its own parents, or that it cannot be read.
pub fn check_parent(path: &Path, known: &Known) -> Result<Vec<PathBuf>, Diagnostics> {
    let mut draft = Draft::read(path, None);
    draft.check(&schema::partial(), |tree, errors| {
        let folder = path.parent().and_then(Path::parent).unwrap_or(Path::new(""));
        let facts = whole::ProfileFacts { known, folder };
        whole::check_partial(tree, &facts, errors);
    });
    let (_, files) = draft.finish()?;
    Ok(files.into_iter().map(|file| file.path).collect())
}

/// Whether a file is in the folder of shared parents.
pub fn is_parent(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|name| name == SHARED)
}

/// A profile that may still be wrong.
struct Draft {
    tree: node::Table,
    files: Vec<SourceFile>,
    errors: Vec<Diagnostic>,
}

impl Draft {
    fn read(path: &Path, text: Option<&str>) -> Self {
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        let tree = inherit::read(path, text, &mut files, &mut errors).unwrap_or_default();
        Self { tree, files, errors }
    }

    /// Checks what was read. After an error of syntax or inheritance, a key that seems to be
    /// missing may only be unread. So only what is there is checked, except on lines that could not
    /// be read.
    fn check(
        &mut self,
        schema: &serde_json::Value,
        whole: impl FnOnce(&node::Table, &mut Vec<Diagnostic>),
    ) {
        if self.errors.is_empty() {
            walk::check(schema, &self.tree, &self.files, &mut self.errors);
            whole(&self.tree, &mut self.errors);
            return;
        }
        let mut more = Vec::new();
        walk::check(&schema::partial(), &self.tree, &self.files, &mut more);
        more.retain(|error| !self.errors.iter().any(|known| self.explains(known, error)));
        self.errors.extend(more);
    }

    /// Whether a second error only follows from a first one: it is on the same line, or below the
    /// head of a table that could not be read, so that its keys seem to belong to another table.
    fn explains(&self, first: &Diagnostic, second: &Diagnostic) -> bool {
        let (Some(a), Some(b)) = (&first.span, &second.span) else { return false };
        let text = &self.files[first.file].text;
        let line = |at: usize| text.get(..at).and_then(|t| t.rfind('\n')).map_or(0, |n| n + 1);
        let is_head = text.get(line(a.start)..).is_some_and(|line| line.starts_with('['));
        first.file == second.file
            && (line(a.start) == line(b.start) || (is_head && a.start < b.start))
    }

    fn finish(self) -> Result<(node::Table, Vec<SourceFile>), Diagnostics> {
        if self.errors.is_empty() {
            return Ok((self.tree, self.files));
        }
        Err(Diagnostics::new(self.files, self.errors))
    }
}

/// If the profile has no id, the file's name is the customer's id; if it has no host name, the id
/// is the host name.
fn check_id(tree: &node::Table, stem: &str, errors: &mut Vec<Diagnostic>) {
    let named = whole::text(tree, &["customer", "id"]);
    if let (None, Err(complaint)) = (named, rules::Rule::CustomerId.check(stem)) {
        let error = Diagnostic::of_file(0, "the file's name is not a customer's id");
        let error = complaint.help.iter().fold(error, |error, help| error.help(help));
        errors.push(error.help(format!("{}, or set customer.id", complaint.label)));
        return;
    }
    let id = named.map_or(stem, |(id, _)| id);
    let hostname = whole::text(tree, &["system", "hostname"]);
    let valid_id = rules::Rule::CustomerId.check(id).is_ok();
    if hostname.is_none() && valid_id && rules::Rule::HostName.check(id).is_err() {
        let error = Diagnostic::of_file(0, format!("the id {id:?} cannot be the host name"));
        errors.push(error.help("set system.hostname"));
    }
}

/// Two profiles of one customer would write into the same folder, and each would call its image the
/// newest.
fn check_alone(
    tree: &node::Table,
    stem: &str,
    path: &Path,
    known: &Known,
    errors: &mut Vec<Diagnostic>,
) {
    let named = whole::text(tree, &["customer", "id"]);
    let id = named.map_or(stem, |(id, _)| id);
    let paths = known.customers.get(id).into_iter().flatten();
    let other = |other: &&PathBuf| *other != path && other.parent() == path.parent();
    let Some(twin) = paths.into_iter().find(other) else { return };
    let message = format!("two profiles are for one customer, {id:?}");
    let error = match named {
        Some((_, place)) if place.file == 0 => Diagnostic::at(place, message, "this is one"),
        _ => Diagnostic::of_file(0, message),
    };
    let error = error.help(format!("the other one is {}", twin.display()));
    errors
        .push(error.help("both would write into one folder: give one of them another customer.id"));
}

/// A fault in a profile that loads, which only another room can know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection<'a> {
    /// The keys that lead to the faulty value.
    pub keys: &'a [&'a str],
    /// Whether the last key is wrong, and not its value.
    pub at_key: bool,
    /// The faulty item, if the value is a list of texts.
    pub item: Option<&'a str>,
    /// One fact, lowercase.
    pub message: String,
    /// Shown under the place.
    pub label: String,
    /// What to do.
    pub help: String,
}

/// Reports objections to a profile that loads, each at its place, or for the whole file if the
/// place is not in it.
pub fn object(path: &Path, objections: &[Objection<'_>]) -> Diagnostics {
    let draft = Draft::read(path, None);
    let errors = objections.iter().map(|o| objection(&draft.tree, o)).collect();
    Diagnostics::new(draft.files, errors)
}

fn objection(tree: &node::Table, objection: &Objection<'_>) -> Diagnostic {
    let Objection { keys, at_key, item, message, label, help } = objection;
    let error = match whole::entry(tree, keys) {
        Some(entry) if *at_key => Diagnostic::at(&entry.key, message, label),
        Some(entry) => {
            let place = item.and_then(|item| whole::item_place(&entry.node, item));
            Diagnostic::at(place.unwrap_or(&entry.node.place), message, label)
        }
        None => Diagnostic::of_file(0, message),
    };
    error.help(help)
}

/// A line of authorized_keys in the form that people compare: kind, fingerprint, comment.
pub fn public_key_in_words(line: &str) -> String {
    rules::key_in_words(line)
}

/// Today's name of a time zone that has an old one, as in "America/New_York" for "US/Eastern".
pub fn todays_time_zone(name: &str) -> Option<&'static str> {
    rules::replacement(name)
}

/// The names of all time zones, sorted.
pub fn time_zones() -> impl Iterator<Item = &'static str> {
    rules::time_zones()
}

/// The top-level keys of a profile or a shared parent, including those of its own parents, whatever
/// else is wrong in it.
pub fn keys(path: &Path) -> Vec<String> {
    Draft::read(path, None).tree.into_keys().collect()
}

/// A question that is answered outside a file, under the same rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A customer's short name.
    Id,
    /// A name for people.
    Name,
    /// A site.
    Site,
    /// A channel.
    Channel,
    /// Where bundles are.
    Store,
    /// A fixed address with its prefix.
    Address,
    /// The address of a router or a name server.
    Server,
    /// A proxy.
    Proxy,
    /// A time zone.
    TimeZone,
    /// Size of a disk.
    Disk,
    /// An OpenSSH public key.
    Key,
}

impl Question {
    /// Checks an answer.
    ///
    /// # Errors
    /// What is wrong, and what is allowed, in one line.
    pub fn check(self, answer: &str) -> Result<(), String> {
        let rule = match self {
            Self::Id => rules::Rule::CustomerId,
            Self::Name => rules::Rule::Name,
            Self::Site => rules::Rule::Site,
            Self::Channel => rules::Rule::Channel,
            Self::Store => rules::Rule::Store,
            Self::Address => rules::Rule::InterfaceAddress,
            Self::Server => rules::Rule::IpAddress,
            Self::Proxy => rules::Rule::Proxy,
            Self::TimeZone => rules::Rule::TimeZone,
            Self::Disk => rules::Rule::DiskSize,
            Self::Key => rules::Rule::SshPublicKey,
        };
        rule.check(answer).map_err(|complaint| complaint.in_one_line())
    }
}
