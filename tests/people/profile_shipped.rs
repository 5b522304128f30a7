//! The profiles that we ship, and the schema that editors read.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use slipway::profile::{self, Audience, Known, SCHEMA_FILE, SHARED};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles")
}

/// The bases that we ship.
fn known() -> Known {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
    Known { bases: profile::names(&images).expect("the folder"), ..Known::default() }
}

#[test]
fn every_shipped_profile_is_valid_and_carries_the_editors_hint() {
    let paths = profile::all(&folder()).expect("the folder");
    assert!(paths.len() >= 3, "{paths:?}");
    for path in paths {
        if let Err(errors) = profile::load(&path, &known()) {
            panic!("{errors}");
        }
        let text = std::fs::read_to_string(&path).expect("the file");
        assert!(text.starts_with(&format!("#:schema {SCHEMA_FILE}\n")), "{}", path.display());
    }
}

#[test]
fn every_shipped_parent_is_valid_and_carries_the_editors_hint() {
    for path in profile::all(&folder().join(SHARED)).expect("the folder") {
        if let Err(errors) = profile::check_parent(&path, &known()) {
            panic!("{errors}");
        }
        let text = std::fs::read_to_string(&path).expect("the file");
        assert!(text.starts_with(&format!("#:schema {SCHEMA_FILE}\n")), "{}", path.display());
    }
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let files = [
        (Audience::Customer, folder().join(SCHEMA_FILE), "slipway schema --no-sites"),
        (
            Audience::Parent,
            folder().join(SHARED).join(SCHEMA_FILE),
            "slipway schema --no-sites --parent",
        ),
    ];
    for (audience, path, command) in files {
        let text = std::fs::read_to_string(&path).expect("the schema");
        let committed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let stale = format!("{} is stale: {command} > {0}", path.display());
        assert!(committed == profile::schema(audience), "{stale}");
    }
}

#[test]
fn the_schema_has_a_description_for_every_key() {
    let schema = profile::schema(Audience::Customer);
    let tables = schema["definitions"].as_object().expect("definitions").values();
    for table in tables.chain([&schema]).filter(|table| table.get("properties").is_some()) {
        for (key, property) in table["properties"].as_object().expect("an object") {
            assert!(property["description"].is_string(), "{key}: {property}");
        }
    }
}

#[test]
fn a_loaded_profile_reads_back_from_an_image_record() {
    for path in profile::all(&folder()).expect("the folder") {
        let loaded = profile::load(&path, &known()).expect("valid");
        let json = serde_json::to_string(&loaded.profile).expect("JSON");
        let again: profile::Profile = serde_json::from_str(&json).expect("the same");
        assert_eq!(again, loaded.profile);
    }
}

/// A copy of what we ship, as somebody who tries slipway has it: not in a git repository.
struct Copy {
    root: tempfile::TempDir,
}

impl Copy {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        for folder in ["profiles", "images", "examples"] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let mut copy = Command::new("cp");
            let copied = copy.arg("-r").arg(from).arg(root.path()).status().expect("cp");
            assert!(copied.success());
        }
        Self { root }
    }

    fn slipway(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.args(arguments).current_dir(self.root.path()).stdin(Stdio::null());
        command.env("SLIPWAY_CACHE", self.root.path().join("cache"));
        command.env("SLIPWAY_KEYS", self.root.path().join("keys"));
        command
            .env_remove("SLIPWAY_PROJECT")
            .env_remove("SLIPWAY_TRUST")
            .env_remove("SLIPWAY_KEY_FILE");
        let output = command.output().expect("slipway");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).expect("UTF-8"))
    }

    fn good(&self, arguments: &[&str]) -> String {
        let (code, said) = self.slipway(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    }

    /// Publishes as scripts/demo does, with the app straight from its folder.
    fn publish(&self) {
        self.good(&["key", "new", "demo", "--no-passphrase"]);
        self.good(&["key", "trust", "demo", "--site", "demo"]);
        std::fs::create_dir_all(self.root.path().join("out/store")).expect("a folder");
        let store = format!("file://{}/out/store", self.root.path().display());
        let site = "examples/demo-vendor/sites/demo";
        self.good(&["bundle", "build", site, "--publish", &store, "--channel", "stable"]);
    }
}

#[test]
fn every_shipped_profile_can_be_planned_with_the_demos_bundle() {
    let copy = Copy::new();
    // before there is a bundle, a check says what it could not check
    let said = copy.good(&["check", "--all"]);
    assert!(said.contains("not checked: whether acme, demo fit the bundle stable"), "{said}");
    copy.publish();
    let said = copy.good(&["check", "--all"]);
    assert!(!said.contains("not checked"), "{said}");
    for path in profile::all(&copy.root.path().join("profiles")).expect("the folder") {
        let name = path.file_stem().expect("a name").to_str().expect("UTF-8");
        copy.good(&["check", name]);
        let said = copy.good(&["plan", name]);
        assert!(said.contains("demo-1.0.0+b1"), "{said}");
    }
    a_plan_shows_what_sales_must_verify(&copy);
    a_setting_that_nothing_reads_is_refused_with_the_one_that_was_meant(&copy);
    a_base_that_the_bundle_is_not_made_for_is_an_error_of_the_check(&copy);
}

fn a_plan_shows_what_sales_must_verify(copy: &Copy) {
    let file = copy.root.path().join("profiles/acme.toml");
    let text = std::fs::read_to_string(&file).expect("the profile");
    let text = format!("{text}\n[hiera]\n\"profile::web::upload_limit\" = \"7m\"\n");
    std::fs::write(copy.root.path().join("profiles/acme-2.toml"), text).expect("a profile");
    let said = copy.good(&["plan", "acme-2"]);
    for shown in [
        "Acme Industries Ltd (acme-2)",
        "Ines Okafor",
        "guestbook.acme.example",
        "192.0.2.10/24, fixed",
        "192.0.2.1",
        "192.0.2.53, 192.0.2.54",
        "http://proxy.acme.example:3128",
        "ntp.acme.example",
        "Europe/Berlin",
        "40 GiB",
        "22: SSH",
        "80: the application (/health)",
        "8008: the machine's state",
        "profile::web::upload_limit 7m",
        "profile::base::open_files 65536, the site's default",
    ] {
        assert!(said.contains(shown), "{shown}\n{said}");
    }
    // the judge of the fingerprint is OpenSSH
    let key = copy.root.path().join("key.pub");
    let line = std::fs::read_to_string(&file).expect("the profile");
    let line = line.lines().find(|line| line.starts_with("ssh_keys")).expect("a key");
    std::fs::write(&key, line.split('"').nth(1).expect("a key")).expect("a file");
    let judged = Command::new("ssh-keygen").arg("-lf").arg(&key).output().expect("ssh-keygen");
    let judged = String::from_utf8(judged.stdout).expect("UTF-8");
    let fingerprint = judged.split(' ').nth(1).expect("a fingerprint");
    assert!(said.contains(&format!("ssh-ed25519 {fingerprint} ines@acme.example")), "{said}");
}

fn a_setting_that_nothing_reads_is_refused_with_the_one_that_was_meant(copy: &Copy) {
    let file = copy.root.path().join("profiles/nordwind.toml");
    let text = std::fs::read_to_string(&file).expect("the profile");
    std::fs::write(&file, text.replace("::upload_limit", "::upload_limt")).expect("the profile");
    let (code, said) = copy.slipway(&["check", "nordwind"]);
    std::fs::write(&file, text).expect("the profile");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("did you mean \"profile::web::upload_limit\"?"), "{said}");
}

fn a_base_that_the_bundle_is_not_made_for_is_an_error_of_the_check(copy: &Copy) {
    let file = copy.root.path().join("profiles/shared/common.toml");
    let text = std::fs::read_to_string(&file).expect("the parent");
    let text = text.replace("base = \"debian-12\"", "base = \"ubuntu-24.04\"");
    std::fs::write(&file, text).expect("the parent");
    let (code, said) = copy.slipway(&["check", "nordwind"]);
    assert_eq!(code, Some(1), "{said}");
    for shown in ["the bundle is not made for ubuntu-24.04", "shared/common.toml", "debian-12"] {
        assert!(said.contains(shown), "{shown}\n{said}");
    }
}
