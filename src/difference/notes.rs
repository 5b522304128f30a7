//! The notes of a release, for a customer's administrator: what is new, what is gone, what to know.

use serde::Serialize;
use tera::Context as Values;

use super::files::{Fate, FileChange};
use super::{Change, Difference};
use crate::error::Result;
use crate::template::{Language, render};

const MARKDOWN: &str = include_str!("../../templates/release/notes.md.tera");
const PAGE: &str = include_str!("../../templates/release/notes.html.tera");

/// A table of more rows than this is closed on the page until somebody opens it.
const OPEN_ROWS: usize = 40;
/// The kernel's packages, on Debian and on Ubuntu.
const KERNEL: &str = "linux-image-";

/// What stands above the notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// The product.
    pub product: String,
    /// The customer, for people.
    pub customer: String,
    /// When the release was made, as people read it.
    pub date: String,
    /// Whom to ask.
    pub contact: Option<String>,
}

/// The same notes twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notes {
    /// Markdown, which reads well as it is, too.
    pub markdown: String,
    /// One page that needs nothing else: no network, no scripts.
    pub html: String,
}

/// One table.
#[derive(Serialize)]
struct Section {
    title: &'static str,
    open: bool,
    rows: Vec<Row>,
}

/// One line of a table.
#[derive(Serialize)]
struct Row {
    name: String,
    before: String,
    after: String,
}

/// Writes the notes.
///
/// # Errors
/// [`Kind::Input`](crate::error::Kind) for a name that no page can hold, such as one with a control character.
pub fn notes(difference: &Difference, heading: &Heading) -> Result<Notes> {
    let mut values = Values::new();
    values.insert("product", &heading.product);
    values.insert("customer", &heading.customer);
    values.insert("date", &heading.date);
    values.insert("contact", &heading.contact.clone().unwrap_or_default());
    values.insert("release", &difference.after);
    values.insert("before", &difference.before.clone().unwrap_or_default());
    values.insert("first", &difference.before.is_none());
    values.insert("same", &difference.is_empty());
    values.insert("summary", &summary(difference));
    values.insert("know", &to_know(difference));
    values.insert("sections", &sections(difference));
    Ok(Notes {
        markdown: render(Language::Markdown, "NOTES.md", MARKDOWN, &values)?,
        html: render(Language::Html, "NOTES.html", PAGE, &values)?,
    })
}

fn sections(difference: &Difference) -> Vec<Section> {
    let first = difference.before.is_none();
    let lists = [
        ("Applications", &difference.apps),
        ("Modules of the configuration", &difference.modules),
        ("Libraries in the applications (npm)", &difference.libraries),
        ("Packages of the operating system", &difference.packages),
        ("Settings", &difference.settings),
        ("The machine", &difference.image),
        ("Image files", &difference.sizes),
    ];
    let wanted = lists.into_iter().filter(|(title, changes)| {
        // a first release has hundreds of these, and the bills of materials name them
        let many = title.starts_with("Packages") || title.starts_with("Libraries");
        !(changes.is_empty() || first && many)
    });
    wanted
        .map(|(title, changes)| {
            let mut rows: Vec<&Change> = changes.iter().collect();
            rows.sort_by_key(|change| (change.before.is_some(), change.after.is_none()));
            let open = rows.len() <= OPEN_ROWS;
            Section { title, open, rows: rows.into_iter().map(row).collect() }
        })
        .collect()
}

fn row(change: &Change) -> Row {
    let before = change.before.clone().unwrap_or_else(|| "new".to_owned());
    let after = change.after.clone().unwrap_or_else(|| "removed".to_owned());
    Row { name: change.name.clone(), before, after }
}

/// Sentences that count.
fn summary(difference: &Difference) -> Vec<String> {
    let mut lines = Vec::new();
    if difference.before.is_none() {
        let count = |changes: &[Change], one: &str| counted(changes.len(), one);
        lines.push(format!(
            "It holds {}, {} and {}.",
            count(&difference.apps, "application"),
            count(&difference.modules, "module"),
            count(&difference.packages, "package"),
        ));
        return lines;
    }
    for (changes, noun) in [
        (&difference.apps, "application"),
        (&difference.modules, "module"),
        (&difference.libraries, "library"),
        (&difference.packages, "package"),
        (&difference.settings, "setting"),
    ] {
        lines.extend(sentence(changes, noun));
    }
    let count =
        |fate| difference.files.iter().filter(|file: &&FileChange| file.fate == fate).count();
    let (added, removed, changed) =
        (count(Fate::Added), count(Fate::Removed), count(Fate::Changed));
    if added + removed + changed > 0 {
        lines.push(format!(
            "Of the files in the image, {added} are new, {changed} changed and {removed} are gone."
        ));
    }
    lines
}

fn sentence(changes: &[Change], noun: &str) -> Option<String> {
    let new = changes.iter().filter(|change| change.before.is_none()).count();
    let gone = changes.iter().filter(|change| change.after.is_none()).count();
    let other = changes.len() - new - gone;
    let parts = [(new, "new"), (other, "changed"), (gone, "removed")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let nouns = if noun == "library" { "libraries".to_owned() } else { format!("{noun}s") };
    let count = counted(changes.len(), "change");
    (!parts.is_empty()).then(|| format!("{count} of {nouns}: {}.", parts.join(", ")))
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// What an administrator has to know before the machine is replaced or started again.
fn to_know(difference: &Difference) -> Vec<String> {
    let mut lines = Vec::new();
    let named = |name: &str| difference.image.iter().find(|change| change.name == name);
    if difference.before.is_none() {
        lines.push(
            "This is the first release for this customer: there is nothing to compare it with."
                .to_owned(),
        );
        return lines;
    }
    if difference.packages.iter().any(|change| change.name.starts_with(KERNEL)) {
        lines.push("The kernel is another one.".to_owned());
    }
    if named("disk").is_some() {
        lines.push(
            "The disk in the image has another size; a machine that runs already keeps its own."
                .to_owned(),
        );
    }
    if named("memory").is_some() || named("processors").is_some() {
        lines.push("The recommended memory or number of processors changed: check what the machine is given.".to_owned());
    }
    if ["address", "gateway", "name servers", "proxy", "host name"]
        .iter()
        .any(|name| named(name).is_some())
    {
        lines.push(
            "The machine's name or network settings changed: check them before it is started."
                .to_owned(),
        );
    }
    if named("keys that may log in").is_some() {
        lines.push("Another number of keys may log in.".to_owned());
    }
    if !difference.settings.is_empty() {
        lines.push(
            "Settings of this customer changed. Their values are not in these notes.".to_owned(),
        );
    }
    if difference.apps.iter().chain(&difference.modules).any(|change| change.after.is_none()) {
        lines.push(
            "Something that the earlier release brought is gone: see \"removed\" below.".to_owned(),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading() -> Heading {
        Heading {
            product: "Acme <ERP>".to_owned(),
            customer: "Müller & Söhne".to_owned(),
            date: "2026-11-30T20:00:00Z".to_owned(),
            contact: Some("ops@vendor.example".to_owned()),
        }
    }

    fn change(name: &str, before: Option<&str>, after: Option<&str>) -> Change {
        Change {
            name: name.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }

    fn difference() -> Difference {
        Difference {
            before: Some("acme-1.0.0+b1-0a1b2c3d".to_owned()),
            after: "acme-1.0.0+b2-4e5f6a7b".to_owned(),
            apps: vec![change("guestbook", Some("1.0.0"), Some("1.1.0"))],
            packages: vec![
                change("linux-image-6.1.0-30-amd64", None, Some("6.1.124-1")),
                change("old_thing", Some("1|2"), None),
            ],
            ..Difference::default()
        }
    }

    #[test]
    fn the_notes_say_what_is_new_what_is_gone_and_what_to_know() {
        let notes = notes(&difference(), &heading()).unwrap();
        for part in [
            "guestbook | 1.0.0 | 1.1.0",
            "old\\_thing | 1\\|2 | removed",
            "The kernel is another one.",
            "2 changes of packages: 1 new, 1 removed.",
        ] {
            assert!(notes.markdown.contains(part), "{part}: {}", notes.markdown);
        }
        for part in ["Acme &lt;ERP&gt;", "Müller &amp; Söhne", "<td>1.1.0</td>", "color-scheme"] {
            assert!(notes.html.contains(part), "{part}: {}", notes.html);
        }
        assert!(
            !notes.html.contains("<script")
                && !notes.html.contains("http://")
                && !notes.html.contains("https://")
        );
    }

    #[test]
    fn a_first_release_and_one_without_a_difference_say_so() {
        let first = Difference { before: None, ..difference() };
        let first = notes(&first, &heading()).unwrap().markdown;
        assert!(first.contains("first release") && !first.contains("old\\_thing"), "{first}");
        let same = Difference {
            before: Some("a".to_owned()),
            after: "b".to_owned(),
            ..Difference::default()
        };
        assert!(notes(&same, &heading()).unwrap().markdown.contains("Nothing differs"));
    }
}
