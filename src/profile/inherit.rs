//! `extends`: a profile and its parents become one tree. Tables merge, lists and single values
//! replace.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Place, SourceFile};
use super::node::{self, Table, Value};
use super::odd;
use super::rules::Rule;
use super::suggest;

/// The key that names the parent.
pub(super) const EXTENDS: &str = "extends";

/// The folder of shared parents, inside the folder of profiles.
pub const SHARED: &str = "shared";

/// The longest chain, including the profile itself: a longer one is a mistake.
const LONGEST_CHAIN: usize = 8;

/// Largest profile in bytes: a log file given by mistake is refused before it is parsed.
const LARGEST_FILE: u64 = 1 << 20;

/// Pairs of keys of which only one may be set: a profile's own choice overrides the other one, if
/// inherited.
const ALTERNATIVES: [(&str, &str); 2] = [("channel", "bundle"), ("bundle", "channel")];

/// Reads a profile and everything that it inherits from, and merges them.
///
/// `files` receives every file that was read, the profile first. `text` stands in for the profile's
/// own file if that is not written yet.
pub(super) fn read(
    path: &Path,
    text: Option<&str>,
    files: &mut Vec<SourceFile>,
    errors: &mut Vec<Diagnostic>,
) -> Option<Table> {
    let folder = parents_folder(path);
    let mut chain: Vec<(String, Place)> = Vec::new();
    let mut tables: Vec<Table> = Vec::new();
    let mut next = path.to_owned();
    let mut given = text.map(str::to_owned);
    loop {
        let read = given.take().map_or_else(|| read_text(&next), |text| Ok(text.into_bytes()));
        let Some(text) = note_file(&next, read, files, chain.last(), &folder, errors) else {
            break;
        };
        let mut table = node::parse(&text, files.len() - 1, errors);
        let parent = table.remove(EXTENDS);
        tables.push(table);
        let Some(parent) = parent else { break };
        let Value::String(name) = &parent.node.value else {
            let label = "the name of a file in profiles/shared/, without .toml";
            errors.push(Diagnostic::at(&parent.node.place, "this is not a parent's name", label));
            break;
        };
        if let Err(complaint) = Rule::Parent.check(name) {
            errors.push(complaint.at(&parent.node.place));
            break;
        }
        next = folder.join(format!("{name}.toml"));
        chain.push((name.clone(), parent.node.place.clone()));
        if let Some(error) = check_chain(files, &next, &chain) {
            errors.push(error);
            break;
        }
    }
    tables.into_iter().rev().reduce(|parent, child| inherit(child, parent))
}

/// Where `extends` looks: in the folder of shared parents beside the profile, or in the profile's
/// own folder if it is a parent itself.
fn parents_folder(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new(""));
    if folder.file_name().is_some_and(|name| name == SHARED) {
        return folder.to_owned();
    }
    folder.join(SHARED)
}

fn check_chain(files: &[SourceFile], next: &Path, chain: &[(String, Place)]) -> Option<Diagnostic> {
    let (_, place) = chain.last()?;
    let stems = files.iter().map(|file| stem(&file.path));
    let whole: Vec<String> = stems.chain([stem(next)]).collect();
    let shown = whole.join(" -> ");
    if files.iter().any(|file| file.path == next) {
        let error = Diagnostic::at(place, "profiles inherit in a circle", "leads back");
        return Some(error.help(format!("the chain is {shown}")));
    }
    if files.len() >= LONGEST_CHAIN {
        let message = format!("profiles inherit more than {LONGEST_CHAIN} files deep");
        let error = Diagnostic::at(place, message, "one too many");
        return Some(error.help(format!("the chain is {shown}")));
    }
    None
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Notes a file in `files`; an unreadable one is an error at the `extends` that named it.
fn note_file(
    path: &Path,
    read: std::io::Result<Vec<u8>>,
    files: &mut Vec<SourceFile>,
    named_at: Option<&(String, Place)>,
    folder: &Path,
    errors: &mut Vec<Diagnostic>,
) -> Option<String> {
    match read {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => {
                files.push(SourceFile { path: path.to_owned(), text: text.clone() });
                Some(text)
            }
            Err(e) => {
                let valid = e.utf8_error().valid_up_to();
                let (text, error) = odd::not_utf8(e.as_bytes(), valid, files.len());
                files.push(SourceFile { path: path.to_owned(), text });
                errors.push(error);
                None
            }
        },
        Err(failure) => {
            errors.push(match named_at {
                Some((name, place)) => missing_parent(name, place, &failure, folder),
                None => {
                    files.push(SourceFile { path: path.to_owned(), text: String::new() });
                    Diagnostic::of_file(0, format!("cannot read the profile: {failure}"))
                }
            });
            None
        }
    }
}

fn read_text(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Error, ErrorKind};
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        let message = "it is larger than 1 MiB, which no profile is";
        return Err(Error::new(ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

fn missing_parent(
    name: &str,
    place: &Place,
    failure: &std::io::Error,
    folder: &Path,
) -> Diagnostic {
    if failure.kind() != std::io::ErrorKind::NotFound {
        return Diagnostic::at(place, "cannot read the parent", failure.to_string());
    }
    let known = super::names(folder).unwrap_or_default();
    let label = match suggest::nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "no such parent".to_owned(),
    };
    let error = Diagnostic::at(place, format!("there is no parent \"{name}\""), label);
    let names = suggest::one_of(known.iter().map(String::as_str), "and");
    error.help(format!("parents in {}: {names}", folder.display()))
}

/// The child's values win; where both have a table, the tables merge.
fn merge(child: Table, mut parent: Table) -> Table {
    for (key, mut entry) in child {
        if let Some(inherited) = parent.remove(&key) {
            entry.node.value = merge_values(entry.node.value, inherited.node.value);
        }
        parent.insert(key, entry);
    }
    parent
}

fn merge_values(child: Value, parent: Value) -> Value {
    match (child, parent) {
        (Value::Table(child), Value::Table(parent)) => Value::Table(merge(child, parent)),
        (own, _) => own,
    }
}

/// Merges two whole files.
fn inherit(child: Table, mut parent: Table) -> Table {
    for (mine, other) in ALTERNATIVES {
        if child.contains_key(mine) && !child.contains_key(other) {
            parent.remove(other);
        }
    }
    merge(child, parent)
}
