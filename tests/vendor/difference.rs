//! `slipway diff`, and the notes that are made of a difference.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;
use slipway::build::{Built, latest};
use slipway::difference::{BUILD, CONTENTS, Difference, Heading, Side, between, notes};
use slipway::inspect::Image;
use slipway::inspect::walk::{Digests, contents};
use slipway::inventory::{self, INVENTORY};
use slipway::progress::Quiet;

use crate::common::browser::axe;
use crate::common::small::{bundle, project, publish, run, slipway};

const SECRET: &str = "correct horse battery";

/// A project with two builds of its customer; the paths of both images.
fn builds(folder: &Path) -> [PathBuf; 2] {
    project(folder);
    let path = folder.join("profiles/tiny.toml");
    let plain = std::fs::read_to_string(&path).unwrap();
    let file =
        |mode| format!("[[files]]\npath = \"/opt/app.conf\"\ncontent = \"x\"\nmode = \"{mode}\"\n");
    publish(folder, &bundle(folder, "1"));
    std::fs::write(&path, format!("{plain}{}", file("0644"))).unwrap();
    run(folder, &["build", "tiny"]);
    let (first, _) = newest(folder);
    publish(folder, &bundle(folder, "2"));
    let more = "[[files]]\npath = \"/opt/more\"\ncontent = \"more\"\n";
    let settings = format!(
        "[hiera]\n\"tiny::password\" = \"{SECRET}\"\n[system]\nhostname = \"box.tiny.example\"\n"
    );
    std::fs::write(&path, format!("{plain}{settings}{}{more}", file("0600"))).unwrap();
    run(folder, &["build", "tiny"]);
    [first, newest(folder).0]
}

fn newest(folder: &Path) -> (PathBuf, Built) {
    let (record, built) = latest(&folder.join("out"), "tiny").unwrap();
    (record.with_file_name(&built.artifacts[0].file), built)
}

fn diff(folder: &Path, sides: [&Path; 2], more: &[&str]) -> Output {
    let sides = sides.map(|side| side.to_str().unwrap());
    slipway(folder, &[&["diff"], &sides[..], more].concat()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a release's folder has of an image.
fn lists(folder: &Path, image: &Path, built: &Built) -> PathBuf {
    let lists = folder.join(format!("lists-{}", built.record.bundle.release));
    std::fs::create_dir(&lists).unwrap();
    let image = Arc::new(Image::open(image).unwrap());
    let found = contents(&image, Digests::Public, &Quiet).unwrap();
    let components = inventory::of(&image, &Quiet).unwrap();
    std::fs::write(lists.join(INVENTORY), components.text().unwrap()).unwrap();
    std::fs::write(lists.join(CONTENTS), found.text().unwrap()).unwrap();
    std::fs::write(lists.join(BUILD), serde_json::to_vec(built).unwrap()).unwrap();
    lists
}

fn names(told: &Value, list: &str) -> Vec<String> {
    let name = |change: &Value| change["name"].as_str().unwrap().to_owned();
    told[list].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn a_difference_is_told_by_package_setting_file_and_size_and_never_by_a_value() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [one, two] = builds(folder);
    let output = diff(folder, [&one, &two], &["--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(!said.contains(SECRET), "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(names(&told, "settings"), ["tiny::password"]);
    assert_eq!(names(&told, "image"), ["bundle", "bundle's digest", "host name"]);
    let file = |path: &str| {
        told["files"].as_array().unwrap().iter().find(|file| file["path"] == path).cloned()
    };
    assert_eq!(file("/opt/app.conf").unwrap()["what"], serde_json::json!(["mode 0644 -> 0600"]));
    assert_eq!(file("/opt/more").unwrap()["fate"], "added");
    // the folder of the bundle's release has another name, and what did not change in it is not told
    assert!(file("/etc/puppet/code/releases/RELEASE/RELEASE_ID").is_some(), "{told:#}");
    assert_eq!(file("/etc/puppet/code/releases/RELEASE/manifests/site.pp"), None);
    let people = text(&diff(folder, [&one, &two], &[]).stdout);
    assert!(people.contains("\n  ~ file     /opt/app.conf  mode 0644 -> 0600"), "{people}");

    let same = diff(folder, [&one, &one], &[]);
    assert_eq!(same.status.code(), Some(0));
    assert!(text(&same.stdout).contains("nothing differs"));
    assert_eq!(diff(folder, [&one, Path::new("./none.qcow2")], &[]).status.code(), Some(2));
}

#[test]
fn two_releases_are_compared_by_their_lists_without_their_images() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [one, two] = builds(folder);
    let built = |image: &Path| {
        let record = std::fs::read(image.with_extension("json")).unwrap();
        serde_json::from_slice::<Built>(&record).unwrap()
    };
    let before = lists(folder, &one, &built(&one));
    let after = lists(folder, &two, &built(&two));
    std::fs::remove_file(&one).unwrap();
    let told: Value =
        serde_json::from_slice(&diff(folder, [&before, &after], &["--json"]).stdout).unwrap();
    assert_eq!(names(&told, "settings"), ["tiny::password"]);
    let hiera = "/etc/slipway/hiera/customer.yaml";
    let file = told["files"].as_array().unwrap().iter().find(|file| file["path"] == hiera).unwrap();
    assert!(file["what"][0].as_str().unwrap().starts_with("size "), "{file}");

    // Markdown's own parser sees the tables, and the values in their cells
    let difference =
        between(&Side::of_release(&before).unwrap(), &Side::of_release(&after).unwrap());
    let cells = cells(&written(&difference).markdown);
    assert!(
        cells.contains(&"tiny::password".to_owned())
            && cells.contains(&"box.tiny.example".to_owned()),
        "{cells:?}"
    );
    for notes in
        [written(&difference), written(&Difference::first(&Side::of_release(&before).unwrap()))]
    {
        for (width, dark) in [(1200, false), (400, true)] {
            assert_eq!(axe(&notes.html, width, dark), Vec::<String>::new(), "{width} {dark}");
        }
    }
    let first = written(&Difference::first(&Side::of_release(&before).unwrap()));
    assert!(first.markdown.contains("first release"), "{}", first.markdown);
}

fn written(difference: &Difference) -> slipway::difference::Notes {
    let heading = Heading {
        product: "Tiny".to_owned(),
        customer: "Tiny".to_owned(),
        date: "2026-11-30".to_owned(),
        contact: None,
    };
    notes(difference, &heading).unwrap()
}

fn cells(markdown: &str) -> Vec<String> {
    let (mut cells, mut inside) = (Vec::new(), false);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::TableCell) => {
                inside = true;
                cells.push(String::new());
            }
            Event::End(pulldown_cmark::TagEnd::TableCell) => inside = false,
            Event::Text(text) if inside => cells.last_mut().unwrap().push_str(&text),
            _ => {}
        }
    }
    cells
}

/// Releases of a store are compared by their lists: no image of them needs to be there.
#[test]
fn releases_of_a_store_are_compared_with_each_other_and_with_the_newest_build_without_their_images()
{
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    publish(folder, &bundle(folder, "1"));
    let release = || {
        run(folder, &["build", "tiny"]);
        run(folder, &["release", "make", "tiny", "--without-smoke", "no machine"]);
        let published =
            slipway(folder, &["release", "publish", "tiny", "--json"]).output().unwrap();
        let told: Value = serde_json::from_slice(&published.stdout).unwrap();
        format!("tiny@{}", told["release"].as_str().unwrap())
    };
    let diff = |sides: &[&str]| slipway(folder, &[&["diff"], sides].concat()).output().unwrap();
    let first = release();
    assert_eq!(diff(&["tiny"]).status.code(), Some(0), "{}", text(&diff(&["tiny"]).stdout));
    publish(folder, &bundle(folder, "2"));
    run(folder, &["build", "tiny"]);
    let changed = diff(&["tiny"]);
    assert_eq!(changed.status.code(), Some(1), "{}", text(&changed.stderr));
    assert!(
        text(&changed.stdout).contains("tiny-1.0.0+b1 -> tiny-1.0.0+b2"),
        "{}",
        text(&changed.stdout)
    );
    let second = release();
    std::fs::remove_dir_all(folder.join("out/tiny")).unwrap();
    for entry in std::fs::read_dir(folder.join("store/pieces")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("lists") {
            for piece in std::fs::read_dir(&path).unwrap().map(|piece| piece.unwrap().path()) {
                if piece.extension().is_none() {
                    std::fs::remove_file(piece).unwrap();
                }
            }
        }
    }
    let both = diff(&[&first, &second]);
    assert_eq!(both.status.code(), Some(1), "{}", text(&both.stderr));
    assert!(
        text(&both.stdout).contains("tiny-1.0.0+b1 -> tiny-1.0.0+b2"),
        "{}",
        text(&both.stdout)
    );
    assert_eq!(diff(&[&second, "tiny@stable"]).status.code(), Some(0));
    for (wrong, why) in [
        ("tiny@tiny-9.0.0+b9-00000000", "never had"),
        ("tiny@a b", "channel"),
        ("nobody@stable", "nobody"),
    ] {
        let refused = diff(&[wrong, &second]);
        assert_eq!(refused.status.code(), Some(2), "{wrong}");
        assert!(text(&refused.stderr).contains(why), "{}", text(&refused.stderr));
    }
}
