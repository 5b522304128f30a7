//! The map of the house: docs/architecture.md lists the rooms of `src/` in an order, and a file
//! imports only from rooms listed above its own. A map that nobody compares with the land is wrong
//! after a year.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rooms in the order of the table.
fn declared() -> Vec<String> {
    let page = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let table = page.split("## The rooms of `src/`").nth(1).expect("the heading");
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let first = |row: &str| row.split('|').nth(1).unwrap().to_owned();
    let names =
        |cell: String| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    rows.map(first).flat_map(names).collect()
}

/// Each Rust file below `src/`, by its path from there.
pub fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path.strip_prefix(root().join("src")).unwrap().to_owned());
        }
    }
}

/// Not rooms: the library's own list of rooms, and the program's entry point.
const DOORS: [&str; 2] = ["lib.rs", "main.rs"];

fn room(file: &Path) -> String {
    let first = file.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms that a file names after `crate::`. Its own tests may look anywhere.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after =
        code.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>());
    let name = |rest: String| {
        assert!(!rest.starts_with('{'), "one `use` for each room: crate::{rest}");
        rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>()
    };
    after.map(name).filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_map_lists_each_room_once_and_no_other() {
    let declared = declared();
    let mut found = Vec::new();
    files(&root().join("src"), &mut found);
    let rooms: BTreeSet<_> = found
        .iter()
        .filter(|f| !DOORS.iter().any(|d| f.as_os_str() == *d))
        .map(|f| room(f))
        .collect();
    assert_eq!(declared.len(), rooms.len(), "a room is listed twice or not at all: {declared:?}");
    assert_eq!(declared.into_iter().collect::<BTreeSet<_>>(), rooms);
}

#[test]
fn a_file_imports_only_from_rooms_that_the_map_lists_above_its_own() {
    let declared = declared();
    let place = |room: &str| {
        let known = declared.iter().position(|name| name == room);
        known.unwrap_or_else(|| panic!("docs/architecture.md has no room {room}"))
    };
    let mut found = Vec::new();
    files(&root().join("src"), &mut found);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in found.iter().filter(|f| !DOORS.iter().any(|d| f.as_os_str() == *d)) {
        // a file of tests beside the code that it tests
        if file.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        let (own, text) =
            (room(file), std::fs::read_to_string(root().join("src").join(file)).unwrap());
        for other in imports(&text) {
            count += 1;
            if other != own && place(&other) > place(&own) {
                wrong.push(format!("src/{} imports {other}", file.display()));
            }
        }
    }
    assert!(count > 500, "{count}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_import_in_the_wrong_direction_would_be_seen() {
    let text = "use crate::error::Result;\n// crate::cli\nlet x = crate::smoke::boot();\n#[cfg(test)]\nmod tests {\n use crate::cli;}";
    assert_eq!(imports(text), ["error", "smoke"].map(str::to_owned).into());
}

/// One layout: whoever looks for the way through a folder finds it in its `mod.rs`, and nowhere else.
#[test]
fn a_module_with_files_of_its_own_is_the_mod_rs_of_their_folder() {
    let mut found = Vec::new();
    files(&root().join("src"), &mut found);
    let beside = |file: &&PathBuf| root().join("src").join(file).with_extension("").is_dir();
    assert_eq!(found.iter().filter(beside).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}
