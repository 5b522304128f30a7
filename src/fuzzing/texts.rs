//! Files that people and programs write as text.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc::channel;

use super::choice;
use super::memory::Memory;
use crate::app::package::Package;
use crate::appliance::http;
use crate::appliance::kernel::{complaint, panic_message};
use crate::appliance::line::Listener;
use crate::appliance::page::Page;
use crate::base::{Definition, diagnose, mirror, mmdebstrap, packages};
use crate::bundle;
use crate::console::Splitter;
use crate::disk::ext4::acl;
use crate::profile::{self, Known, Style};
use crate::progress::Quiet;
use crate::smoke::{qmp, screen};
use crate::tree::Tree;
use crate::units::Timestamp;

/// A profile. Its errors are shown in every possible way; a valid one keeps its meaning.
pub fn profile(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let known = Known {
        bases: vec!["debian-12".to_owned(), "ubuntu-24.04".to_owned()],
        ..Known::default()
    };
    // in the folder of the shipped profiles, whose parent it may name
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/acme.toml");
    match profile::load_text(&path, text, &known) {
        Ok(loaded) => {
            let json = serde_json::to_string(&loaded.profile).expect("JSON");
            let again: profile::Profile =
                serde_json::from_str(&json).expect("what was written reads");
            assert_eq!(again, loaded.profile);
        }
        Err(diagnostics) => {
            assert!(!diagnostics.errors.is_empty(), "what is refused has a reason");
            for report in diagnostics.reports() {
                assert!(!report.message.is_empty(), "an error says what is wrong");
            }
            for (color, width) in [(false, None), (true, Some(40))] {
                diagnostics.render(&Style { color, width, here: None });
            }
        }
    }
}

/// A base: its definition, the log of making it, its records, and its files' access control lists.
pub fn base(data: &[u8]) {
    let (choice, data) = choice(data);
    // so that inputs from before the log was added keep their meaning
    if choice % 8 == 6 {
        return log(data);
    }
    match choice % 4 {
        0 => definition(data),
        1 => {
            let mut tree = Tree::new();
            let status = format!("/{}", packages::STATUS);
            tree.put_file(&status, 0o644, Timestamp::default(), data.to_vec()).expect("a file");
            if let Ok(found) = packages::installed(&tree) {
                assert!(found.is_sorted(), "packages are sorted");
            }
        }
        2 => drop(mirror::release_date(&String::from_utf8_lossy(data), "an index")),
        _ => access_list(data),
    }
}

static SHIPPED: OnceLock<Definition> = OnceLock::new();

/// mmdebstrap's log: whatever is in it, there is an error about it.
fn log(data: &[u8]) {
    let mut log = String::new();
    mmdebstrap::follow("a base", data, &mut log, &Quiet);
    let drives = |c: char| c.is_control() && c != '\n';
    assert!(!log.contains(drives), "a log cannot drive a terminal");
    let definition = SHIPPED.get_or_init(|| {
        let images = concat!(env!("CARGO_MANIFEST_DIR"), "/images");
        Definition::find(images, "debian-12").expect("a shipped definition")
    });
    let error = diagnose::failure(&log, definition, std::path::Path::new("log")).to_string();
    assert!(!error.is_empty() && !error.contains(drives));
}

/// An access control list is converted as a whole or refused: the number of entries on the disk is
/// the same.
fn access_list(data: &[u8]) {
    let Ok(disk) = acl::to_disk(data) else { return };
    let entries = (data.len() - 4) / 8;
    assert!((4 + 4 * entries..=4 + 8 * entries).contains(&disk.len()), "{} bytes", disk.len());
}

fn definition(data: &[u8]) {
    let file = Memory::of(data);
    let Ok(definition) = Definition::load(file.path()) else { return };
    definition.all_packages();
    let text = toml::to_string(&definition).expect("TOML");
    let file = Memory::of(text.as_bytes());
    let again = Definition::load(file.path()).expect("what was written reads");
    let named = Definition { name: definition.name.clone(), ..again };
    assert_eq!(named, definition);
}

/// Files in a vendor's folders: the site, an application, a list of modules.
pub fn site(data: &[u8]) {
    thread_local! {
        static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
    }
    let (choice, data) = choice(data);
    match choice % 3 {
        0 => FOLDER.with(|folder| {
            let folder = folder.get_or_init(|| tempfile::tempdir().expect("a folder")).path();
            std::fs::write(folder.join("SITE.toml"), data).expect("a file");
            drop(bundle::build::site::Site::read(folder));
        }),
        1 => drop(Package::parse(data)),
        _ => drop(bundle::build::puppetfile::parse(&String::from_utf8_lossy(data))),
    }
}

/// What a machine under test says on its console, over HTTP and on its screen, and what QEMU says
/// about it.
pub fn smoke(data: &[u8]) {
    let (choice, data) = choice(data);
    // so that inputs from before the monitor was added keep their meaning
    if choice % 6 == 5 {
        return monitor(data);
    }
    match choice % 3 {
        0 => console(data),
        1 => answer(data),
        _ => {
            if let Ok(picture) = screen::parse(data) {
                let pixels = 3 * picture.width as usize * picture.height as usize;
                assert_eq!(picture.pixels.len(), pixels);
            }
        }
    }
}

fn answer(data: &[u8]) {
    if let Ok(answer) = http::parse(data) {
        let _ = Page::parse(&answer.body);
    }
}

fn monitor(data: &[u8]) {
    let (answers, answered) = channel();
    let (events, happened) = channel();
    qmp::sort(data, &answers, &events);
    drop((answers, events));
    let lines = data.split(|byte| *byte == b'\n').count();
    let told = answered.iter().count() + happened.iter().count();
    assert!(told <= lines, "a line is an answer or an event, or neither");
}

fn console(data: &[u8]) {
    let (mut splitter, mut at_once) = (Splitter::default(), Splitter::default());
    let (begin, end) = data.split_at(data.len() / 2);
    let mut lines = splitter.push(begin);
    lines.extend(splitter.push(end));
    lines.extend(splitter.finish());
    let mut all = at_once.push(data);
    all.extend(at_once.finish());
    assert_eq!(lines, all, "where bytes are cut does not matter");
    let mut listener = Listener::new("n1");
    for line in &lines {
        assert!(!line.contains(char::is_control), "a line cannot drive a terminal");
        let said = format!("{:?}", listener.hear(line));
        assert!(!said.contains("\\u{1b}"), "what was said cannot drive a terminal");
        panic_message(line);
        complaint(line);
    }
}
