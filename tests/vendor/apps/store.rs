//! Publishing, listing and choosing.

use slipway::app::{self, App, AppName, AppReader, Channel};
use slipway::blob::{self, Patience, Settings};
use slipway::error::Kind;
use slipway::key::Keyring;
use slipway::progress::Quiet;
use slipway::units::Timestamp;

use crate::apps::repository::{Repository, app as repository, json};
use crate::common::judge::judge_in;

fn ui() -> Repository {
    repository(&[
        ("package.json", r#"{"name": "@acme/ui", "version": "2.1.0"}"#),
        ("index.js", "1;\n"),
    ])
}

fn store(repository: &Repository) -> String {
    format!("file://{}/store", repository.folder.path().display())
}

fn publish(repository: &Repository, file: &str, channel: &str) -> std::process::Output {
    let store = store(repository);
    let args = ["publish", file, "--to", &store, "--channel", channel, "--json"];
    repository.slipway(&args).output().unwrap()
}

#[test]
fn a_version_keeps_its_bytes_in_a_channel_and_branches_are_apart() {
    let repository = ui();
    let first = repository.pack(&["--out", "one"]);
    let file = first["file"].as_str().unwrap();
    assert_eq!(json(&publish(&repository, file, "main"))["seq"], 1);
    // publishing the same again changes nothing
    let again = json(&publish(&repository, file, "main"));
    assert_eq!((&again["seq"], &again["new"]), (&1.into(), &false.into()));

    std::fs::write(repository.app().join("index.js"), "2;\n").unwrap();
    repository.commit();
    let second = repository.pack(&["--out", "two"]);
    let file = second["file"].as_str().unwrap();
    let refused = publish(&repository, file, "main");
    // with --json the error is a result, too
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    let expected = "@acme/ui 2.1.0 is published in channel main already, from";
    assert!(said.contains(expected) && said.contains("--bump patch"), "{said}");
    json(&publish(&repository, file, "template-scripts"));

    let listed =
        json(&repository.slipway(&["list", &store(&repository), "--json"]).output().unwrap());
    let digest = |n: usize| listed["apps"][n]["versions"][0]["sha256"].clone();
    assert_eq!(listed["apps"][0]["channel"], "main");
    assert_eq!((digest(0), digest(1)), (first["sha256"].clone(), second["sha256"].clone()));
    assert_eq!(listed["apps"][1]["versions"][0]["commit"], second["commit"]);
}

#[test]
fn a_bump_counts_from_what_is_published() {
    let repository = ui();
    let store = store(&repository);
    for expected in ["2.1.1", "2.1.2", "2.1.3"] {
        let packed = repository.pack(&["--bump", "patch", "--from", &store]);
        assert_eq!(packed["version"], expected);
        json(&publish(&repository, packed["file"].as_str().unwrap(), "main"));
    }
    let packed = repository.pack(&["--bump", "patch", "--from", &store, "--channel", "proto"]);
    assert_eq!(packed["version"], "2.1.1");
}

#[test]
fn the_newest_version_that_would_do_is_found_and_fetched() {
    let repository = ui();
    let url = store(&repository);
    for version in ["2.9.0", "2.10.0", "3.0.0"] {
        let packed = repository.pack(&["--version", version]);
        json(&publish(&repository, packed["file"].as_str().unwrap(), "main"));
    }
    let store = blob::open(&url, &Settings::default()).unwrap();
    let store = store.as_ref();
    let name: AppName = "@acme/ui".parse().unwrap();
    let (main, range) = (Channel::default(), "^2.1".parse().unwrap());
    let trust = repository.key().1;
    let now = Timestamp::from_seconds(1_800_000_000);
    let reader = AppReader { store, trust: &trust, now };
    let found = reader.find(&name, &main, Some(&range), &Quiet).unwrap();
    assert_eq!(found.entry.version.to_string(), "2.10.0");
    let cache = repository.folder.path().join("cache");
    let fetched = app::fetch(store, &found, &cache, &Quiet).unwrap();
    assert_eq!((fetched.digest, &fetched.name), (found.entry.sha256, &name));

    // if damaged in the cache, it is fetched again; if damaged in the store, it is refused
    std::fs::write(&fetched.path, "damaged").unwrap();
    let fetched = app::fetch(store, &found, &cache, &Quiet).unwrap();
    assert_eq!(App::open(&fetched.path).unwrap().digest, found.entry.sha256);
    let object = format!("store/apps/acme+ui/2.10.0/{}.tgz", found.entry.sha256);
    std::fs::write(repository.folder.path().join(object), "damaged").unwrap();
    std::fs::remove_file(&fetched.path).unwrap();
    let impatient = Patience { attempts: 1, ..Patience::default() };
    let settings = Settings { patience: impatient, ..Settings::default() };
    let store = blob::open(&url, &settings).unwrap();
    assert!(app::fetch(store.as_ref(), &found, &cache, &Quiet).is_err());

    let none = reader.find(&name, &main, Some(&"^4".parse().unwrap()), &Quiet);
    let error = none.unwrap_err();
    assert_eq!(error.find_remedy(), Some("the newest there is 3.0.0"));
    let other = reader.find(&"other".parse().unwrap(), &main, None, &Quiet);
    assert_eq!(other.unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn of_many_who_publish_at_once_none_is_lost() {
    let repository = ui();
    let url = store(&repository);
    let packed: Vec<App> = (0..8)
        .map(|n| {
            let packed = repository.pack(&["--version", &format!("1.0.{n}")]);
            App::open(&repository.file(&packed)).unwrap()
        })
        .collect();
    let key = &repository.key().0;
    std::thread::scope(|scope| {
        for app in &packed {
            let url = &url;
            scope.spawn(move || {
                let store = blob::open_for_publishing(url, &Settings::default()).unwrap();
                let now = Timestamp::from_seconds(0);
                app::publish(store.as_ref(), app, &Channel::default(), key, now, &Quiet).unwrap();
            });
        }
    });
    let store = blob::open(&url, &Settings::default()).unwrap();
    let listed = app::list(store.as_ref(), &Quiet).unwrap();
    assert_eq!((listed[0].versions.len(), listed[0].seq), (8, 8));
}

#[test]
fn a_publisher_who_is_killed_at_any_moment_leaves_a_store_that_reads_and_the_next_one_goes_on() {
    const MOMENTS: u32 = 8;
    // incompressible bytes, so that publishing takes some time
    let mut noise = vec![0; 3 << 20];
    let mut seed = 1u64;
    noise.iter_mut().for_each(|byte| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *byte = (seed >> 33) as u8;
    });
    let repository = ui();
    std::fs::write(repository.app().join("noise"), noise).unwrap();
    repository.commit();
    let url = store(&repository);
    let mut whole = None;
    let mut early = 0;
    for n in 0..=MOMENTS {
        let packed = repository.pack(&["--version", &format!("1.0.{n}")]);
        let file = packed["file"].as_str().unwrap();
        let begun = std::time::Instant::now();
        // the first one is not killed: it shows how long it takes
        if let Some(whole) = whole {
            let mut child = repository
                .slipway(&["publish", file, "--to", &url])
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(whole * (n - 1) / (MOMENTS - 1));
            early += u32::from(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
            let store = blob::open(&url, &Settings::default()).unwrap();
            let listed = app::list(store.as_ref(), &Quiet).unwrap();
            let versions = &listed[0].versions;
            assert!(versions.len() as u32 == n || versions.len() as u32 == n + 1, "{versions:?}");
        }
        json(&publish(&repository, file, "main"));
        whole.get_or_insert(begun.elapsed());
    }
    assert!(early > 0, "nobody was killed before the end");
    let store = blob::open(&url, &Settings::default()).unwrap();
    let cache = repository.folder.path().join("cache");
    let trust = repository.key().1;
    let now = Timestamp::from_seconds(1_800_000_000);
    let reader = AppReader { store: store.as_ref(), trust: &trust, now };
    for n in 0..=MOMENTS {
        let range = format!("1.0.{n}").parse().unwrap();
        let name: AppName = "@acme/ui".parse().unwrap();
        let found = reader.find(&name, &Channel::default(), Some(&range), &Quiet);
        app::fetch(store.as_ref(), &found.unwrap(), &cache, &Quiet).unwrap();
    }
}

#[test]
fn ssh_keygen_agrees_that_the_index_is_signed_and_a_bump_counts_from_trusted_versions_alone() {
    let repository = ui();
    let packed = repository.pack(&[]);
    json(&publish(&repository, packed["file"].as_str().unwrap(), "main"));
    let root = repository.folder.path();
    let index = std::fs::read(root.join("store/app-channels/acme+ui/main.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    let text = |name: &str| index["versions"][0][name].clone();
    std::fs::write(root.join("said"), text("signed").as_str().unwrap()).unwrap();
    std::fs::write(root.join("said.sig"), text("signatures")[0].as_str().unwrap()).unwrap();
    let check =
        "ssh-keygen -Y verify -f allowed_signers -I app:@acme/ui -n slipway-app -s said.sig < said";
    judge_in(root, "sh", &["-c", check]);

    // signed by somebody else, and put where everybody looks
    let (thief, store) = (root.join("thief"), store(&repository));
    let (path, _) = Keyring::new(thief).make("thief", None).unwrap();
    let packed = repository.pack(&["--version", "2.999.0"]);
    let args = ["publish", packed["file"].as_str().unwrap(), "--to", &store, "--key"];
    let path = path.to_str().unwrap();
    assert!(repository.slipway(&[&args[..], &[path]].concat()).status().unwrap().success());
    let said = repository.refusal(&["--bump", "patch", "--from", &store]);
    assert!(said.contains("@acme/ui 2.999.0") && said.contains("which is not trusted"), "{said}");
}
