//! `slipway bundle` as its users see it.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

use crate::bundle::flow::vendor;

fn slipway(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("slipway").unwrap();
    command.current_dir(folder).env("SLIPWAY_CACHE", folder.join("cache"));
    command.env("SOURCE_DATE_EPOCH", "1700000000");
    command.env("SLIPWAY_KEYS", folder.join("keys")).env_remove("SLIPWAY_KEY_FILE");
    command.env("SLIPWAY_TRUST", folder.join("allowed_signers")).env_remove("SLIPWAY_PROJECT");
    command
}

/// A folder with a key that is trusted for the site tiny.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    slipway(folder.path()).args(["key", "new", "ci", "--no-passphrase"]).assert().success();
    slipway(folder.path()).args(["key", "trust", "ci", "--site", "tiny"]).assert().success();
    folder
}

fn json(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn build_list_and_show_agree_on_what_was_published() {
    let folder = place();
    let store = format!("file://{}/store", folder.path().display());
    for build in ["9", "10"] {
        let mut command = slipway(folder.path());
        command.args(["bundle", "build"]).arg(vendor().join("sites/tiny"));
        command.args(["--build", build, "--publish", &store, "--channel", "stable", "--json"]);
        assert_eq!(json(&mut command)["release"], format!("tiny-1.0.0+b{build}"));
    }
    let listed = json(slipway(folder.path()).args(["bundle", "list", &store, "--json"]));
    let releases: Vec<&str> = listed["bundles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["release"].as_str().unwrap())
        .collect();
    assert_eq!(releases, ["tiny-1.0.0+b9", "tiny-1.0.0+b10"]);
    assert_eq!(listed["channels"][0]["release"], "tiny-1.0.0+b10");
    assert_eq!(listed["channels"][0]["seq"], 2);

    let file = "out/bundles/tiny-1.0.0+b10.tgz";
    let shown = json(slipway(folder.path()).args(["bundle", "show", file, "--json"]));
    assert_eq!(shown["release"], "tiny-1.0.0+b10");
    assert_eq!(shown["created"], "2023-11-14T22:13:20Z");
    slipway(folder.path()).args(["bundle", "show", file]).assert().success();
    slipway(folder.path()).args(["bundle", "list", &store]).assert().success();
}

/// The error output when `toml` is a site's SITE.toml.
fn complaint(toml: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("manifests")).unwrap();
    std::fs::write(folder.path().join("manifests/site.pp"), "").unwrap();
    std::fs::write(folder.path().join("SITE.toml"), toml).unwrap();
    let output = slipway(folder.path()).args(["bundle", "build", "."]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_wrong_site_is_shown_with_place_and_remedy() {
    let head = "site = \"x\"\nversion = \"1.0.0\"\n";
    let cases = [
        ("site = \"x\"\nversion = \"1.0\"\n".to_owned(), "write it as 1.4.0"),
        ("site = \"../x\"\nversion = \"1.0.0\"\n".to_owned(), "SITE.toml:1:8"),
        (format!("{head}pakages = []\n"), "unknown key `pakages`"),
        (format!("{head}[needs]\npackages = [\"-y\"]\n"), "\"-y\" cannot be a package's name"),
        (format!("{head}[modules]\n\"../x\" = {{ path = \"x\" }}\n"), "cannot be a module's name"),
        (format!("{head}[modules]\nx = {{ package = \"y\" }}\n"), "add the table [archive]"),
        (format!("{head}[modules]\nx = {{ path = \"no-such\" }}\n"), "no-such: cannot list"),
    ];
    for (toml, says) in cases {
        let said = complaint(&toml);
        assert!(said.contains(says), "{says}: {said}");
    }
}

#[test]
fn a_time_that_no_image_can_have_is_named_with_who_says_it() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    std::fs::create_dir_all(site.join("manifests")).unwrap();
    std::fs::write(site.join("manifests/site.pp"), "").unwrap();
    std::fs::write(site.join("SITE.toml"), "site = \"x\"\nversion = \"1.0.0\"\n").unwrap();
    let build = |epoch: Option<&str>| {
        let mut command = slipway(folder.path());
        command.args(["bundle", "build", "site"]).env_remove("SOURCE_DATE_EPOCH");
        epoch.map(|epoch| command.env("SOURCE_DATE_EPOCH", epoch));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    for epoch in ["15032385536", "-1"] {
        let said = build(Some(epoch));
        assert!(said.contains(&format!("SOURCE_DATE_EPOCH is \"{epoch}\"")), "{said}");
        assert!(said.contains("no image can be made at"), "{said}");
    }
    // git's own commands refuse such a time; a damaged clone, or one made by another program, may
    // have it
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.arg("-C").arg(&site).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    let tree = git(&["write-tree"]);
    let commit = folder.path().join("commit");
    let who = "A <a@example.com> 15032385536 +0000";
    std::fs::write(&commit, format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nx\n")).unwrap();
    let id = git(&["hash-object", "-t", "commit", "-w", commit.to_str().unwrap()]);
    git(&["reset", "-q", &id]);
    let said = build(None);
    assert!(said.contains(&format!("the commit {id} has a time")), "{said}");
    assert!(said.contains("set SOURCE_DATE_EPOCH"), "{said}");
}

#[test]
fn a_folder_without_a_site_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = slipway(folder.path()).args(["bundle", "build", "."]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("./SITE.toml: cannot read the site"));
}

/// Builds and publishes builds of the site tiny; returns the store.
fn published(folder: &Path, builds: &[u32], channel: &str) -> String {
    let store = format!("file://{}/store", folder.display());
    for build in builds {
        let mut command = slipway(folder);
        command.args(["bundle", "build"]).arg(vendor().join("sites/tiny"));
        command.args(["--build", &build.to_string()]).assert().success();
        let file = format!("out/bundles/tiny-1.0.0+b{build}.tgz");
        let arguments = ["bundle", "publish", &file, "--to", &store, "--channel", channel];
        slipway(folder).args(arguments).assert().success();
    }
    store
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = slipway(folder).args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    said
}

#[test]
fn a_release_is_promoted_pulled_and_verified_by_us_and_by_ssh_keygen() {
    let place = place();
    let folder = place.path();
    let store = published(folder, &[1, 2], "nightly");
    let promote = |version: &str| {
        let mut all = vec!["bundle", "promote", version, "--site", "tiny", "--store", &store];
        all.extend(["--from", "nightly", "--to", "stable"]);
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let old: Vec<String> = promote("1.0.0+b1");
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    let said = refused(folder, &old);
    assert!(said.contains("the channel has 1.0.0+b2, not 1.0.0+b1"), "{said}");
    slipway(folder).args(promote("1.0.0+b2")).assert().success();

    let pull = ["bundle", "pull", "tiny", "--channel", "stable", "--store", &store, "--json"];
    let pulled = json(slipway(folder).args(pull));
    assert_eq!(pulled["file"], "tiny-1.0.0+b2.tgz");
    slipway(folder).args(["bundle", "verify", "tiny-1.0.0+b2.tgz"]).assert().success();
    let judge = "ssh-keygen -Y verify -f allowed_signers -I tiny -n slipway-bundle \
                 -s tiny-1.0.0+b2.tgz.sig < tiny-1.0.0+b2.tgz";
    Command::new("sh").args(["-c", judge]).current_dir(folder).assert().success();

    let object = std::fs::read(folder.join("store/channels/tiny/stable.json")).unwrap();
    let object: Value = serde_json::from_slice(&object).unwrap();
    std::fs::write(folder.join("pointer"), object["signed"].as_str().unwrap()).unwrap();
    let signature = object["signatures"][0].as_str().unwrap();
    std::fs::write(folder.join("pointer.sig"), signature).unwrap();
    let judge = "ssh-keygen -Y verify -f allowed_signers -I tiny -n slipway-pointer \
                 -s pointer.sig < pointer";
    Command::new("sh").args(["-c", judge]).current_dir(folder).assert().success();

    // pinned to one version, but with the signature of another bundle
    let pinned = ["bundle", "pull", "tiny", "--release", "1.0.0+b1", "--store", &store];
    slipway(folder).args(pinned).assert().success();
    let said = refused(
        folder,
        &["bundle", "verify", "tiny-1.0.0+b1.tgz", "--signature", "tiny-1.0.0+b2.tgz.sig"],
    );
    assert!(said.contains("is one of other bytes"), "{said}");
}

#[test]
fn a_key_that_is_not_trusted_breaks_no_channel_unless_somebody_says_that_readers_trust_it() {
    let place = place();
    let folder = place.path();
    let store = published(folder, &[1], "stable");
    slipway(folder).args(["key", "new", "thief", "--no-passphrase"]).assert().success();
    let pointer = folder.join("store/channels/tiny/stable.json");
    let before = std::fs::read(&pointer).unwrap();
    let file = "out/bundles/tiny-1.0.0+b1.tgz";
    let promote = ["promote", "1.0.0+b1", "--site", "tiny", "--store", &store, "--to", "stable"];
    let publish = ["publish", file, "--to", &store, "--channel", "stable"];
    for verb in [&promote[..], &publish] {
        let all = [&["bundle"], verb, &["--key", "thief"]].concat();
        let said = refused(folder, &all);
        assert!(
            said.contains("is not trusted here") && said.contains("--readers-trust-key"),
            "{said}"
        );
        assert!(std::fs::read(&pointer).unwrap() == before, "{verb:?} changed the channel");
    }
    // every reader would get the same answer as this one
    let pull = ["bundle", "pull", "tiny", "--channel", "stable", "--store", &store];
    slipway(folder).args(pull).assert().success();
    let meant = [&["bundle"], &promote[..], &["--key", "thief", "--readers-trust-key"]].concat();
    slipway(folder).args(meant).assert().success();
    let said = refused(folder, &pull);
    assert!(said.contains("SHA256:"), "{said}");
    slipway(folder).args(["key", "trust", "thief", "--site", "tiny"]).assert().success();
    slipway(folder).args(pull).assert().success();
}

#[test]
fn what_a_store_does_not_have_is_told_by_what_it_has() {
    let place = place();
    let folder = place.path();
    let store = published(folder, &[1, 2], "stable");
    let elsewhere = store.replace("/store", "/stroe");
    let pull = |site, what: &str, name, store| {
        refused(folder, &["bundle", "pull", site, what, name, "--store", store])
    };
    for (said, expected) in [
        (
            pull("tinny", "--channel", "stable", &store),
            ["no site tinny", "tiny; did you mean tiny?"],
        ),
        (
            pull("tiny", "--channel", "stabel", &store),
            ["no channel stabel", "stable; did you mean stable?"],
        ),
        (
            pull("tiny", "--release", "1.0.0+b3", &store),
            ["no tiny-1.0.0+b3", "its versions are 1.0.0+b1, 1.0.0+b2"],
        ),
        (
            pull("tiny", "--channel", "stable", &elsewhere),
            ["there is no such folder", "check the address"],
        ),
    ] {
        assert!(expected.iter().all(|words| said.contains(words)), "{expected:?}: {said}");
    }
    // a file that cannot be examined is not reported as missing
    std::os::unix::fs::symlink("circle", folder.join("circle")).unwrap();
    let circle = store.replace("/store", "/circle");
    let said = pull("tiny", "--channel", "stable", &circle);
    assert!(said.contains("symbolic links") && !said.contains("no such folder"), "{said}");
}

#[test]
fn what_differs_between_two_bundles_is_shown() {
    let place = place();
    let folder = place.path();
    published(folder, &[1, 2], "nightly");
    let (a, b) = ("out/bundles/tiny-1.0.0+b1.tgz", "out/bundles/tiny-1.0.0+b2.tgz");
    let diff = json(slipway(folder).args(["bundle", "diff", a, b, "--json"]));
    let files = diff["differs"]["files"].as_array().unwrap();
    let names: Vec<&str> = files.iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["RELEASE_ID", "data/slipway.yaml"]);
    let same = slipway(folder).args(["bundle", "diff", a, a]).output().unwrap();
    assert!(String::from_utf8_lossy(&same.stdout).contains("no app, module, package or file"));
}

#[test]
fn without_a_network_the_last_good_release_is_taken_and_that_is_said() {
    let place = place();
    let folder = place.path();
    let store = published(folder, &[1], "stable");
    let pull = ["bundle", "pull", "tiny", "--channel", "stable", "--store", &store];
    let offline = [&pull[..], &["--offline"]].concat();
    let said = refused(folder, &offline);
    assert!(said.contains("never pulled") && said.contains("without --offline"), "{said}");
    slipway(folder).args(pull).assert().success();
    std::fs::rename(folder.join("store"), folder.join("gone")).unwrap();
    std::fs::remove_file(folder.join("tiny-1.0.0+b1.tgz")).unwrap();
    let output = slipway(folder).args(&offline).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("offline: channel stable of site tiny is taken to be"), "{said}");
    slipway(folder).args(["bundle", "verify", "tiny-1.0.0+b1.tgz"]).assert().success();
}

#[test]
fn ci_signs_with_a_file_that_only_it_can_read() {
    let place = place();
    let folder = place.path();
    published(folder, &[1], "stable");
    let file = folder.join("secret-of-ci");
    std::fs::rename(folder.join("keys/ci"), &file).unwrap();
    std::fs::remove_file(folder.join("keys/ci.pub")).unwrap();
    let store = format!("file://{}/store", folder.display());
    let arguments = ["bundle", "publish", "out/bundles/tiny-1.0.0+b1.tgz", "--to", &store];
    let arguments = [&arguments[..], &["--channel", "stable"]].concat();
    let said = refused(folder, &arguments);
    assert!(said.contains("SLIPWAY_KEY_FILE"), "{said}");
    let mut command = slipway(folder);
    command.args(&arguments).env("SLIPWAY_KEY_FILE", &file).assert().success();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file, open).unwrap();
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("others may read the key") && said.contains("chmod 600"), "{said}");
}

#[test]
fn a_bundle_that_no_builder_wrote_is_neither_published_nor_unpacked() {
    let folder = place();
    let store = format!("file://{}/store", folder.path().display());
    let mut spoilt = crate::bundle::forge::valid();
    spoilt.manifest["site"] = serde_json::json!("tiny");
    spoilt.manifest["release"] = serde_json::json!("tiny-1.0.0+b1");
    let file = folder.path().join("hand.tgz");
    std::fs::write(&file, spoilt.tgz()).unwrap();
    let mut command = slipway(folder.path());
    command.args(["bundle", "publish"]).arg(&file).args(["--to", &store, "--channel", "stable"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("it has no manifests"), "{said}");
    assert!(!folder.path().join("store/channels").exists());
    let bundle = slipway::bundle::Bundle::verify(&file).unwrap();
    let error = slipway::bundle::unpack(&bundle, &folder.path().join("cache")).unwrap_err();
    assert!(crate::bundle::checks::said(&error).contains("it has no manifests"), "{error}");
}
