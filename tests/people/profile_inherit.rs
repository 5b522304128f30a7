//! `extends`: what merges, what replaces, and how a broken chain is shown.

use std::path::{Path, PathBuf};

use slipway::profile::{self, Diagnostics, Known, Loaded, Style};

/// A folder of profiles, from names and texts.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(root.path().join("shared")).expect("a folder");
    for (name, text) in files {
        std::fs::write(root.path().join(name), text).expect("a file");
    }
    root
}

fn load(root: &Path, name: &str) -> Result<Loaded, Diagnostics> {
    let known = Known { bases: vec!["debian-12".to_owned()], ..Known::default() };
    profile::load(&root.join(name), &known)
}

fn shown(errors: &Diagnostics, root: &Path) -> String {
    errors.render(&Style { here: Some(root.to_owned()), ..Style::default() })
}

const COMMON: &str = r#"
base = "debian-12"
site = "demo"
channel = "stable"
store = "file:out/store"
packages = ["tcpdump", "htop"]
[hardware]
disk = "20 GiB"
vcpus = 4
[hiera]
"a::one" = { x = 1, y = 2 }
"#;

#[test]
fn tables_merge_at_every_depth_and_lists_replace() {
    let child = r#"
        extends = "common"
        packages = ["strace"]
        customer.name = "X"
        hardware.vcpus = 2
        hiera."a::one".y = 3
    "#;
    let root = project(&[("x.toml", child), ("shared/common.toml", COMMON)]);
    let loaded = load(root.path(), "x.toml").expect("valid");
    assert_eq!(loaded.profile.packages, ["strace"]);
    assert_eq!(loaded.profile.hardware.vcpus, 2);
    assert_eq!(loaded.profile.hardware.disk.to_string(), "20 GiB");
    assert_eq!(loaded.profile.hiera["a::one"], serde_json::json!({ "x": 1, "y": 3 }));
    assert_eq!(loaded.files, [root.path().join("x.toml"), root.path().join("shared/common.toml")]);
}

#[test]
fn a_chain_gives_the_nearest_value() {
    let root = project(&[
        ("x.toml", "extends = \"b\"\ncustomer.name = \"X\""),
        ("shared/b.toml", "extends = \"common\"\nsite = \"near\""),
        ("shared/common.toml", COMMON),
    ]);
    let loaded = load(root.path(), "x.toml").expect("valid");
    assert_eq!(loaded.profile.site, "near");
    assert_eq!(loaded.files.len(), 3);
}

#[test]
fn a_pinned_version_puts_an_inherited_channel_aside() {
    let child = "extends = \"common\"\nbundle = \"1.0.0+b1\"\ncustomer.name = \"X\"";
    let root = project(&[("x.toml", child), ("shared/common.toml", COMMON)]);
    let profile = load(root.path(), "x.toml").expect("valid").profile;
    assert_eq!((profile.channel, profile.bundle.as_deref()), (None, Some("1.0.0+b1")));
}

#[test]
fn a_circle_shows_the_whole_chain_and_the_place_that_closes_it() {
    let root = project(&[
        ("x.toml", "extends = \"a\""),
        ("shared/a.toml", "extends = \"b\""),
        ("shared/b.toml", "extends = \"a\""),
    ]);
    let errors = load(root.path(), "x.toml").expect_err("a circle");
    let text = shown(&errors, root.path());
    assert!(text.contains("shared/b.toml:1:11"), "{text}");
    assert!(text.contains("x -> a -> b -> a"), "{text}");
}

#[test]
fn a_parent_that_extends_itself_is_a_circle() {
    let root = project(&[("x.toml", "extends = \"a\""), ("shared/a.toml", "extends = \"a\"")]);
    let errors = load(root.path(), "x.toml").expect_err("a circle");
    assert!(shown(&errors, root.path()).contains("x -> a -> a"));
}

#[test]
fn a_chain_that_is_too_deep_is_shown_whole() {
    let names: Vec<(String, String)> = (0..9)
        .map(|i| (format!("shared/p{i}.toml"), format!("extends = \"p{}\"", i + 1)))
        .collect();
    let mut files: Vec<(&str, &str)> =
        names.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("x.toml", "extends = \"p0\""));
    let root = project(&files);
    let errors = load(root.path(), "x.toml").expect_err("too deep");
    let text = shown(&errors, root.path());
    assert!(text.contains("more than 8 files deep"), "{text}");
    assert!(text.contains("x -> p0 -> p1 -> p2 -> p3 -> p4 -> p5 -> p6 -> p7"), "{text}");
}

#[test]
fn an_error_of_a_parent_points_into_the_parents_file() {
    let common = COMMON.replace("debian-12", "debian-21");
    let child = "extends = \"common\"\ncustomer.name = \"X\"";
    let root = project(&[("x.toml", child), ("shared/common.toml", &common)]);
    let errors = load(root.path(), "x.toml").expect_err("a wrong base");
    assert_eq!(errors.errors.len(), 1);
    assert!(shown(&errors, root.path()).contains("shared/common.toml:2:8"));
}

#[test]
fn what_is_missing_is_missing_in_the_child_and_all_files_are_named() {
    let common = COMMON.replace("site = \"demo\"", "");
    let child = "extends = \"common\"\n[customer]\ncontact = \"A\"";
    let root = project(&[("x.toml", child), ("shared/common.toml", &common)]);
    let errors = load(root.path(), "x.toml").expect_err("two are missing");
    let text = shown(&errors, root.path());
    assert!(text.contains("`site` is missing"), "{text}");
    assert!(text.contains("`customer.name` is missing"), "{text}");
    assert!(text.contains("x.toml:2:1"), "{text}");
    assert!(text.contains("looked for it in x.toml, shared/common.toml"), "{text}");
}

#[test]
fn a_misspelt_parent_is_suggested_and_the_rest_of_the_file_is_still_checked() {
    let child = "extends = \"comon\"\nchanel = \"stable\"\ncustomer.name = \"X\"";
    let root = project(&[("x.toml", child), ("shared/common.toml", COMMON)]);
    let errors = load(root.path(), "x.toml").expect_err("no such parent");
    let labels: Vec<&str> = errors.errors.iter().map(|error| error.label.as_str()).collect();
    assert_eq!(labels, ["did you mean \"common\"?", "did you mean `channel`?"]);
}

#[test]
fn a_parents_name_cannot_lead_out_of_the_folder_of_parents() {
    for name in ["../x", "/etc/passwd", "a/b", "", ".", "a\\u0000b"] {
        let root = project(&[("x.toml", &format!("extends = \"{name}\"\ncustomer.name = \"X\""))]);
        let errors = load(root.path(), "x.toml").expect_err(name);
        assert_eq!(errors.errors[0].message, "this is not a parent's name", "{name}");
        assert_eq!(errors.files.len(), 1);
    }
}

#[test]
fn a_parent_is_checked_alone_without_being_complete() {
    let root = project(&[
        ("shared/good.toml", "base = \"debian-12\"\n[customer]\ncontact = \"A\""),
        ("shared/bad.toml", "base = \"debian-21\"\n[hardware]\nvcpu = 2"),
    ]);
    let known = Known { bases: vec!["debian-12".to_owned()], ..Known::default() };
    let path = |name: &str| -> PathBuf { root.path().join("shared").join(name) };
    assert!(profile::is_parent(&path("good.toml")));
    profile::check_parent(&path("good.toml"), &known).expect("good");
    let errors = profile::check_parent(&path("bad.toml"), &known).expect_err("bad");
    assert_eq!(errors.errors.len(), 2);
}

#[test]
fn all_syntax_errors_are_shown_with_the_other_errors() {
    let text = "base = \nsite = \"demo\nmemry = 1\n[customer\nname = 1";
    let root = project(&[("x.toml", text)]);
    let errors = load(root.path(), "x.toml").expect_err("broken");
    let lines: Vec<Option<usize>> = errors.reports().iter().map(|report| report.line).collect();
    assert_eq!(lines, [Some(1), Some(2), Some(3), Some(4)]);
}

#[test]
fn a_file_that_is_no_profile_at_all_is_an_error_and_no_crash() {
    let deep = format!("a = {}{}", "[".repeat(5000), "]".repeat(5000));
    let root = project(&[("deep.toml", &deep), ("large.toml", &"# x\n".repeat(300_000))]);
    std::fs::write(root.path().join("latin.toml"), b"base = \"\xe4\"").expect("a file");
    std::fs::create_dir(root.path().join("folder.toml")).expect("a folder");
    for name in ["deep.toml", "large.toml", "latin.toml", "folder.toml", "none.toml"] {
        let errors = load(root.path(), name).expect_err(name);
        assert!(!errors.errors.is_empty(), "{name}");
        assert!(!errors.to_string().is_empty(), "{name}");
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_do_no_harm() {
    let child = "\u{feff}extends = \"common\"\r\n[customer]\r\nname = \"X\"\r\n";
    let root = project(&[("x.toml", child), ("shared/common.toml", COMMON)]);
    load(root.path(), "x.toml").expect("valid");
}
