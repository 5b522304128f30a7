//! Our own pages: everything that they link to, show and name is in the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use clap::Parser as _;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Folders whose files the pages name by their path from the repository's root.
const NAMED: [&str; 8] =
    ["docs/", "examples/", "images/", "profiles/", "scripts/", "src/", "benches/", "tests/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file that a clone has: a visitor never sees ignored files.
fn committed() -> BTreeSet<PathBuf> {
    let mut command = Command::new("git");
    command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = command.current_dir(root()).output().expect("git");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).expect("UTF-8");
    names.split_terminator('\0').map(PathBuf::from).filter(|p| root().join(p).exists()).collect()
}

/// The pages among them, except the changelog, which mentions files that no longer exist.
fn pages(files: &BTreeSet<PathBuf>) -> BTreeMap<PathBuf, Page> {
    let page = |file: &&PathBuf| {
        file.extension().is_some_and(|e| e == "md") && !file.ends_with("CHANGELOG.md")
    };
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(root().join(file)).expect("a page");
        (file.clone(), Page::read(&text))
    };
    files.iter().filter(page).map(read).collect()
}

#[derive(Default)]
struct Page {
    links: Vec<String>,
    pictures: Vec<String>,
    anchors: BTreeSet<String>,
    code: Vec<String>,
    /// Lines of code blocks.
    lines: Vec<String>,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        let mut block = false;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. }) => page.links.push(dest_url.to_string()),
                Event::Start(Tag::Image { dest_url, .. }) => {
                    page.pictures.push(dest_url.to_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.anchor(&heading.take().unwrap_or_default());
                }
                Event::Code(code) => {
                    page.code.push(code.to_string());
                    heading.iter_mut().for_each(|h| h.push_str(&code));
                }
                Event::Start(Tag::CodeBlock(_)) => block = true,
                Event::End(TagEnd::CodeBlock) => block = false,
                Event::Text(text) if block => page.lines.extend(text.lines().map(str::to_owned)),
                Event::Text(text) => heading.iter_mut().for_each(|h| h.push_str(&text)),
                Event::Html(html) | Event::InlineHtml(html) => {
                    panic!("links in HTML are not looked at: {html}");
                }
                _ => {}
            }
        }
        page
    }

    /// GitHub's anchor for a heading: lowercase, no punctuation, hyphens for spaces, a number for
    /// the second heading of a name.
    fn anchor(&mut self, heading: &str) {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let slug: String = heading.to_lowercase().chars().filter(kept).collect();
        let slug = slug.replace(' ', "-");
        let free = |n: &usize| match n {
            0 => !self.anchors.contains(&slug),
            n => !self.anchors.contains(&format!("{slug}-{n}")),
        };
        let number = (0..).find(free).expect("a free name");
        self.anchors.insert(if number == 0 { slug } else { format!("{slug}-{number}") });
    }
}

/// A relative link from a page, without its anchor, as a path from the root; none for a link to
/// another site.
fn target(page: &Path, link: &str) -> Option<(PathBuf, Option<String>)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    if path.is_empty() {
        return Some((page.to_owned(), anchor));
    }
    let mut clean = PathBuf::new();
    for part in page.parent().unwrap_or(Path::new("")).join(path).components() {
        match part {
            Component::ParentDir => assert!(clean.pop(), "{link} leads out of the repository"),
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => panic!("{link} is absolute"),
        }
    }
    Some((clean, anchor))
}

fn there(files: &BTreeSet<PathBuf>, path: &Path) -> bool {
    files.contains(path) || files.iter().any(|file| file.starts_with(path))
}

#[test]
fn every_link_and_anchor_of_our_pages_leads_somewhere() {
    let files = committed();
    let pages = pages(&files);
    assert!(pages.contains_key(Path::new("README.md")), "{files:?}");
    let mut wrong = Vec::new();
    for (name, page) in &pages {
        for link in &page.links {
            let Some((path, anchor)) = target(name, link) else { continue };
            let known = |anchor: &String| {
                pages.get(&path).is_some_and(|page| page.anchors.contains(anchor))
            };
            if !there(&files, &path) || anchor.as_ref().is_some_and(|anchor| !known(anchor)) {
                wrong.push(format!("{}: {link}", name.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_that_our_pages_name_is_in_the_repository() {
    let files = committed();
    let mut wrong = Vec::new();
    for (name, page) in pages(&files) {
        let words = page.code.iter().flat_map(|code| code.split_whitespace());
        for word in words.filter(|word| NAMED.iter().any(|folder| word.starts_with(folder))) {
            let written_by_users = word.contains(['*', 'N', '<', '{', '…']);
            let below = name.parent().unwrap_or(Path::new("")).join(word);
            if !written_by_users && !there(&files, Path::new(word)) && !there(&files, &below) {
                wrong.push(format!("{}: {word}", name.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_picture_of_our_pages_is_in_the_repository() {
    let files = committed();
    let mut wrong = Vec::new();
    for (name, page) in pages(&files) {
        for picture in &page.pictures {
            let (path, _) = target(&name, picture).expect("pictures lie in the repository");
            let bytes = std::fs::read(root().join(&path)).unwrap_or_default();
            let whole = match path.extension().and_then(|e| e.to_str()) {
                Some("png") => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
                Some("svg") => bytes.windows(4).any(|b| b == b"<svg"),
                _ => false,
            };
            if !files.contains(&path) || !whole {
                wrong.push(format!("{}: {picture}", name.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The words of a command as a shell would split them, up to a comment or to where its output goes. A variable becomes a
/// number.
fn words(line: &str) -> Vec<String> {
    let line = line.replace("$CI_BUILD", "17");
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            ('#' | '>', None) if word.is_none() => break,
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_command_of_our_pages_is_one_that_the_program_takes() {
    let files = committed();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (name, page) in pages(&files) {
        // a line that continues ends with a backslash
        let text = page.lines.join("\n").replace("\\\n", " ");
        for line in text.lines().map(|line| line.trim_start_matches("$ ").trim_start()) {
            let line = line.trim_start_matches("target/release/");
            // in an indented example, several spaces separate a command from its description
            let said = line.split("    ").next().unwrap_or_default();
            let command = words(said);
            if command.first().is_none_or(|word| word != "slipway") {
                continue;
            }
            count += 1;
            if let Err(e) = slipway::cli::Cli::try_parse_from(&command) {
                wrong.push(format!("{}: {line}\n{e}", name.display()));
            }
        }
    }
    assert!(count > 20, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
