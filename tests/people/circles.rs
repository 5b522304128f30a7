//! No two files of a room need each other: each can be read, moved and tested without the other.
//! Between rooms, the order in docs/architecture.md ensures the same, and `rooms` compares it with
//! the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::rooms::{files, root};

/// Circles that we keep, by their files, each with its reason.
const DEFENDED: [(&[&str], &str); 4] = [
    (
        &["disk::ext4::dir", "disk::ext4::htree"],
        "one folder of ext4, plain or hashed: the hashed form has plain leaves, and begins where a plain one is full",
    ),
    (
        &[
            "format::encode::codec",
            "format::encode::grain",
            "format::encode::gzip",
            "format::encode::zstd",
        ],
        "a closed set and its members: the codec chooses by kind, each kind gives the codec's chunks",
    ),
    (
        &["inspect::blocks", "inspect::qcow2", "inspect::vhd", "inspect::vhdx", "inspect::vmdk"],
        "a closed set and its members: a map of blocks is one of the formats', each gives places of blocks",
    ),
    (
        &[
            "inspect::filesystem",
            "inspect::gce",
            "inspect::image",
            "inspect::others",
            "inspect::ova",
            "inspect::stream",
        ],
        "images lie in images: what is unpacked is looked at as any other, to name a file that is none of ours",
    ),
];

/// A module's path below the crate, as in ["smoke", "boot"].
type Module = Vec<String>;

/// One name that a file takes from elsewhere in the crate.
struct Import {
    /// The file's name for it.
    name: String,
    /// Where it is, from the crate's root.
    path: Module,
    /// Others may import it from here.
    handed_on: bool,
}

struct Source {
    imports: Vec<Import>,
    /// The code without imports.
    body: String,
}

/// All files, by their modules.
struct House(BTreeMap<Module, Source>);

impl House {
    fn read() -> Self {
        let mut found = Vec::new();
        files(&root().join("src"), &mut found);
        let texts = found.iter().filter(|f| f.file_stem().is_none_or(|stem| stem != "tests"));
        Self::of(texts.map(|file| {
            let text = std::fs::read_to_string(root().join("src").join(file)).unwrap();
            (module(file), text)
        }))
    }

    fn of(texts: impl Iterator<Item = (Module, String)>) -> Self {
        let texts: BTreeMap<Module, String> = texts.collect();
        let source = |(module, text): (&Module, &String)| {
            let (uses, body) = split(text);
            let is_module = |path: &[String]| texts.contains_key(path);
            let imports = uses.iter().flat_map(|(handed_on, tree)| {
                let mut leaves = Vec::new();
                flatten(&[], tree, &mut leaves);
                let leaves = leaves.into_iter().filter_map(|(path, name)| {
                    let path = absolute(module, &path, &is_module)?;
                    Some(Import { name, path, handed_on: *handed_on })
                });
                leaves.collect::<Vec<_>>()
            });
            (module.clone(), Source { imports: imports.collect(), body })
        };
        Self(texts.iter().map(source).collect())
    }

    /// The file that defines what a path names; a re-export belongs to another file.
    fn home(&self, path: &[String]) -> Option<Module> {
        let known = (0..=path.len()).rev().find(|n| self.0.contains_key(&path[..*n]))?;
        let module = path[..known].to_vec();
        let Some(item) = path.get(known) else { return Some(module) };
        let import = self.0[&module].imports.iter().find(|import| import.name == *item);
        match import {
            Some(import) if import.path != path => {
                self.home(&[&import.path[..], &path[known + 1..]].concat())
            }
            _ => Some(module),
        }
    }

    /// The files of its own room that a file needs.
    fn needs(&self, module: &Module) -> BTreeSet<Module> {
        let source = &self.0[module];
        let mut paths = Vec::new();
        for Import { name, path, handed_on } in &source.imports {
            let within = following(&source.body, &format!("{name}::"));
            if self.0.contains_key(path) && !within.is_empty() {
                paths.extend(within.into_iter().map(|rest| [&path[..], &rest].concat()));
            } else if !handed_on || has_word(&source.body, name) {
                paths.push(path.clone());
            }
        }
        let is_module = |path: &[String]| self.0.contains_key(path);
        for start in ["crate", "super"] {
            for rest in following(&source.body, &format!("{start}::")) {
                paths.extend(absolute(
                    module,
                    &[&[start.to_owned()], &rest[..]].concat(),
                    &is_module,
                ));
            }
        }
        for child in self.0.keys().filter(|m| m.len() == module.len() + 1 && m.starts_with(module))
        {
            let name = child.last().unwrap();
            let within = following(&source.body, &format!("{name}::"));
            paths.extend(within.into_iter().map(|rest| [&child[..], &rest].concat()));
        }
        let homes = paths.iter().filter_map(|path| self.home(path));
        homes.filter(|home| home != module && home.first() == module.first()).collect()
    }

    /// Sets of neighbours in one folder that all reach each other. A neighbour is a file, or a
    /// folder with everything in it. A folder's first file is none: it names what the others share,
    /// and is the way in to them.
    fn circles(&self) -> Vec<BTreeSet<String>> {
        let mut needs: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for module in self.0.keys() {
            for needed in self.needs(module) {
                let shared = module.iter().zip(&needed).take_while(|(a, b)| a == b).count();
                if shared < module.len() && shared < needed.len() {
                    let ours = needs.entry(module[..=shared].to_vec()).or_default();
                    ours.insert(needed[..=shared].to_vec());
                }
            }
        }
        let reach = |from: &Module| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(module) = next.pop() {
                let more = needs.get(&module).into_iter().flatten();
                next.extend(more.filter(|needed| seen.insert((*needed).clone())).cloned());
            }
            seen
        };
        let reached: BTreeMap<&Module, BTreeSet<Module>> =
            needs.keys().map(|module| (module, reach(module))).collect();
        let back = |of: &Module, other: &Module| reached.get(other).is_some_and(|r| r.contains(of));
        let circle = |of: &Module| -> BTreeSet<String> {
            let both = reached[of].iter().filter(|other| back(of, other));
            both.map(|module| module.join("::")).collect()
        };
        let all: BTreeSet<_> = needs.keys().map(circle).filter(|c| !c.is_empty()).collect();
        all.into_iter().collect()
    }
}

/// The module of a file.
fn module(file: &Path) -> Module {
    let path = file.with_extension("");
    let mut parts: Module = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") || parts == ["lib"] {
        parts.pop();
    }
    parts
}

/// The trees of a file's imports, each with whether it is re-exported, and the rest of its code
/// without comments and tests.
fn split(text: &str) -> (Vec<(bool, String)>, String) {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let (mut uses, mut body, mut open) = (Vec::new(), String::new(), None::<(bool, String)>);
    for line in lines {
        let start = line.trim_start();
        let public = start.starts_with("pub");
        let after = if public {
            start.split_once(" use ").map(|(_, rest)| rest)
        } else {
            start.strip_prefix("use ")
        };
        let is_use =
            after.is_some() && !start.split("use ").next().unwrap().contains(['=', '{', '"']);
        match (&mut open, after) {
            (Some((_, tree)), _) => tree.push_str(start),
            (None, Some(rest)) if is_use => open = Some((public, rest.to_owned())),
            (None, _)
                if start.starts_with("mod ") || start.contains(" mod ") && start.ends_with(';') => {
            }
            (None, _) => {
                body.push_str(line);
                body.push('\n');
            }
        }
        if let Some((public, tree)) = open.take_if(|(_, tree)| tree.ends_with(';')) {
            uses.push((public, tree.trim_end_matches(';').to_owned()));
        }
    }
    (uses, body)
}

/// The leaves of `a::{b, c::d as e}`: path and name.
fn flatten(before: &[String], tree: &str, leaves: &mut Vec<(Module, String)>) {
    let tree = tree.trim();
    if let Some((start, group)) = tree.split_once('{') {
        let more = start.split("::").map(str::trim).filter(|part| !part.is_empty());
        let path: Module = before.iter().cloned().chain(more.map(str::to_owned)).collect();
        let group = group.strip_suffix('}').expect("a closing brace");
        let (mut depth, mut from) = (0, 0);
        for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    let part = &group[from..at];
                    if !part.trim().is_empty() {
                        flatten(&path, part, leaves);
                    }
                    from = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(p, a)| (p, Some(a.trim())));
    let parts = path.split("::").map(|part| part.trim().to_owned());
    let mut path: Module = before.iter().cloned().chain(parts).collect();
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = alias.map_or_else(|| path.last().unwrap().clone(), str::to_owned);
    leaves.push((path, name));
}

/// A path from the crate's root; none for another crate's.
fn absolute(
    module: &Module,
    path: &[String],
    is_module: &dyn Fn(&[String]) -> bool,
) -> Option<Module> {
    let first = path.first()?.as_str();
    let (mut base, mut rest) = match first {
        "crate" => (Vec::new(), &path[1..]),
        "super" | "self" => (module.clone(), path),
        child => {
            let below = [&module[..], &[child.to_owned()]].concat();
            return is_module(&below).then(|| [&module[..], path].concat());
        }
    };
    while let Some(step) = rest.first().filter(|step| *step == "super" || *step == "self") {
        if step == "super" {
            base.pop();
        }
        rest = &rest[1..];
    }
    Some([&base[..], rest].concat())
}

/// The paths that follow `start` (as in `boot::`) in some code.
fn following(code: &str, start: &str) -> Vec<Module> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let own = |(at, _): &(usize, &str)| {
        let before = &code[..*at];
        !before.ends_with(is_part) && !before.ends_with(':')
    };
    let path = |(at, _): (usize, &str)| {
        let rest = &code[at + start.len()..];
        let end = rest.find(|c: char| !is_part(c) && c != ':').unwrap_or(rest.len());
        let parts = rest[..end].split("::").filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect::<Module>()
    };
    let found = code.match_indices(start).filter(own).map(path);
    found.filter(|path| !path.is_empty()).collect()
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|other| other == word)
}

#[test]
fn no_files_need_each_other_but_those_that_the_list_defends() {
    let house = House::read();
    let count: usize = house.0.keys().map(|module| house.needs(module).len()).sum();
    assert!(count > 400, "{count}: the files' needs are not found");
    let defended: Vec<BTreeSet<String>> = DEFENDED
        .iter()
        .map(|(files, _)| files.iter().map(|file| (*file).to_owned()).collect())
        .collect();
    let circles = house.circles();
    let new: Vec<_> = circles.iter().filter(|circle| !defended.contains(circle)).collect();
    assert!(new.is_empty(), "files that need each other: {new:#?}");
    let gone: Vec<_> = defended.iter().filter(|circle| !circles.contains(circle)).collect();
    assert!(gone.is_empty(), "no circles any more, so take them off the list: {gone:#?}");
}

#[test]
fn a_circle_is_seen_however_its_paths_are_written() {
    let house = |texts: &[(&str, &str)]| {
        House::of(texts.iter().map(|(file, text)| (module(Path::new(file)), (*text).to_owned())))
    };
    let shared =
        ("room/mod.rs", "mod a;\nmod b;\npub use a::{One,\n    Two};\npub(crate) use b::Three;");
    for (a, b) in [
        ("use super::b::Three;", "use super::a::One;"),
        ("use super::b;\nfn f() { b::g() }", "use crate::room::a as c;\nfn g() { c::f() }"),
        ("use super::Three;", "use super::{Two};"),
        ("fn f() -> super::Three {}", "fn g() -> crate::room::One {}"),
    ] {
        let circles = house(&[shared, ("room/a.rs", a), ("room/b.rs", b)]).circles();
        assert_eq!(circles, [["room::a", "room::b"].map(str::to_owned).into()], "{a} {b}");
    }
    // a re-export is not a need, and the tests' needs are not the code's
    let one_way = [
        shared,
        ("room/a.rs", "use super::b::Three;\n// super::b"),
        ("room/b.rs", "#[cfg(test)]\nmod tests {\n use super::a; }"),
    ];
    assert!(house(&one_way).circles().is_empty());
    // the way in to a folder is not a neighbour of its files
    let parent = [
        ("room/mod.rs", "mod a;\npub struct Own;\nfn f() { a::g() }"),
        ("room/a.rs", "use super::Own;"),
    ];
    assert!(house(&parent).circles().is_empty());
    // a folder needs whatever any of its files needs
    let folders = [
        ("room/a.rs", "use super::b::One;"),
        ("room/b/mod.rs", "mod c;\npub struct One;"),
        ("room/b/c.rs", "use super::super::a;"),
    ];
    assert_eq!(house(&folders).circles().len(), 1);
}
