//! Where modules and apps come from. Judges: git, tar, npm.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use slipway::app::{self, App, Channel, Numbering, Tests};
use slipway::blob::{self, Settings};
use slipway::bundle::{self, Inputs, Locking, Manifest};
use slipway::key::{SecretKey, Sites, Trust};
use slipway::progress::Quiet;
use slipway::units::{Digest, Timestamp};

use crate::bundle::checks::{build, build_again, said, site};
use crate::common::judge::{judge_in, shown};
use crate::common::vendor::TIME;

pub fn git(folder: &Path, args: &[&str]) -> String {
    let fixed =
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"];
    judge_in(folder, "git", &[&fixed[..], args].concat()).trim().to_owned()
}

/// A module's files in a folder.
pub fn module(folder: &Path, name: &str, version: &str) {
    std::fs::create_dir_all(folder.join("manifests")).unwrap();
    std::fs::create_dir_all(folder.join("spec")).unwrap();
    let short = name.rsplit('-').next().unwrap();
    std::fs::write(
        folder.join("manifests/init.pp"),
        format!("class {short} {{ notice('{version}') }}\n"),
    )
    .unwrap();
    let metadata = format!(r#"{{"name": "{name}", "version": "{version}", "dependencies": []}}"#);
    std::fs::write(folder.join("metadata.json"), metadata).unwrap();
    std::fs::write(folder.join("spec/x_spec.rb"), "").unwrap();
}

/// A repository of a module with two versions, of which the first is tagged; returns both commits.
fn repository(folder: &Path, name: &str) -> (String, String) {
    module(folder, name, "1.0.0");
    git(folder, &["init", "-q", "-b", "main"]);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "one"]);
    git(folder, &["tag", "v1"]);
    let first = git(folder, &["rev-parse", "HEAD"]);
    module(folder, name, "2.0.0");
    git(folder, &["commit", "-q", "-am", "two"]);
    (first, git(folder, &["rev-parse", "HEAD"]))
}

/// A release as on the Forge.
fn release(folder: &Path, name: &str, version: &str) -> Vec<u8> {
    std::fs::create_dir_all(folder).unwrap();
    let top = format!("{name}-{version}");
    module(&folder.join(&top), name, version);
    let file = format!("{top}.tar.gz");
    judge_in(folder, "tar", &["-czf", &file, &top]);
    std::fs::remove_dir_all(folder.join(&top)).unwrap();
    std::fs::read(folder.join(file)).unwrap()
}

pub fn no_puppet() -> Inputs {
    Inputs { puppet: false, ..Inputs::default() }
}

fn module_of<'a>(manifest: &'a Manifest, name: &str) -> &'a slipway::bundle::Module {
    manifest.modules.iter().find(|module| module.name == name).unwrap()
}

#[test]
fn a_puppetfile_names_releases_repositories_and_folders_and_the_bundle_says_which() {
    let folder = site("puppetfile = \"../Puppetfile\"\n", &[]);
    let root = folder.path();
    let (first, second) = repository(&root.join("repos/tagged"), "acme-tagged");
    release(&root.join("releases"), "acme-released", "3.1.4");
    module(&root.join("own/local"), "acme-local", "0.1.0");
    let url = root.join("repos/tagged").display().to_string();
    let text = |rev: &str| {
        format!(
            "forge 'releases'\n\nmod 'acme-released', '3.1.4'\nmod 'acme-tagged',\n  :git => '{url}',\n  {rev}\nmod 'local', :local => 'own/local'\n"
        )
    };
    for (rev, commit) in [
        (":tag => 'v1'".to_owned(), &first),
        (":ref => 'main'".to_owned(), &second),
        (format!("commit: '{first}'"), &first),
    ] {
        std::fs::write(root.join("Puppetfile"), text(&rev)).unwrap();
        let manifest = build(root, Inputs::default()).unwrap().manifest;
        let tagged = module_of(&manifest, "tagged");
        assert_eq!((tagged.commit.as_ref(), tagged.source.as_ref()), (Some(commit), Some(&url)));
        let version = if commit == &first { "1.0.0" } else { "2.0.0" };
        assert_eq!(tagged.version.as_deref(), Some(version));
        let released = module_of(&manifest, "released");
        assert_eq!(released.source.as_deref(), Some("forge:acme-released-3.1.4"));
        assert_eq!(module_of(&manifest, "local").version.as_deref(), Some("0.1.0"));
        assert!(!manifest.files.iter().any(|f| f.path.contains("/spec/")));
    }
    // a cached commit needs no repository
    std::fs::remove_dir_all(root.join("repos")).unwrap();
    build(root, no_puppet()).unwrap();

    std::fs::write(root.join("Puppetfile"), text(":tag => 'v9'")).unwrap();
    let error = said(&build(root, no_puppet()).unwrap_err());
    assert!(error.contains("Puppetfile:4: cannot get the module tagged"), "{error}");
    std::fs::write(root.join("Puppetfile"), "\nmod 'acme-released', '9.9.9'\n").unwrap();
    let forge = Some(root.join("releases").display().to_string());
    let error = said(&build(root, Inputs { forge, ..no_puppet() }).unwrap_err());
    assert!(error.contains("Puppetfile:2:") && error.contains("--forge"), "{error}");
    std::fs::write(root.join("Puppetfile"), "mod 'a-b', :latest\n").unwrap();
    let error = said(&build(root, no_puppet()).unwrap_err());
    assert!(error.contains("Puppetfile:1: a-b is not pinned"), "{error}");
}

/// Python's web server for a folder. It ends with this value.
struct Web(Child, String);

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

fn serve(folder: &Path) -> Web {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let arguments = ["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()];
    let mut python = Command::new("python3");
    let child = python.args(arguments).current_dir(folder).stderr(Stdio::null()).spawn().unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
    Web(child, format!("http://127.0.0.1:{port}"))
}

#[test]
fn a_forges_release_must_be_what_its_api_says() {
    let folder = site("puppetfile = \"Puppetfile\"\n", &[]);
    let root = folder.path();
    let bytes = release(&root.join("forge/v3/files"), "acme-released", "1.0.0");
    let web = serve(&root.join("forge"));
    let text = format!("forge '{}'\nmod 'acme/released', '1.0.0'\n", web.1);
    std::fs::write(root.join("site/Puppetfile"), text).unwrap();
    // a mirror of only the files
    build(root, no_puppet()).unwrap();
    std::fs::create_dir_all(root.join("forge/v3/releases")).unwrap();
    let api = root.join("forge/v3/releases/acme-released-1.0.0");
    std::fs::write(
        &api,
        format!(r#"{{"slug": "acme-released-1.0.0", "file_sha256": "{}"}}"#, Digest::of(&bytes)),
    )
    .unwrap();
    build(root, no_puppet()).unwrap();
    std::fs::write(&api, format!(r#"{{"file_sha256": "{}"}}"#, Digest::of(b"other"))).unwrap();
    let error = said(&build(root, no_puppet()).unwrap_err());
    assert!(error.contains("the forge says"), "{error}");
}

#[test]
fn a_submodule_is_taken_with_its_own_commit_and_an_empty_one_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (_, commit) = repository(&root.join("module"), "acme-tagged");
    let control = root.join("control");
    let made = site("module_folders = [\"../modules\"]\n", &[]);
    judge_in(root, "cp", &["-r", shown(made.path()), shown(&control)]);
    git(&control, &["init", "-q", "-b", "main"]);
    git(&control, &["submodule", "--quiet", "add", shown(&root.join("module")), "modules/tagged"]);
    git(&control, &["add", "-A"]);
    git(&control, &["commit", "-q", "-m", "all"]);

    let clone = root.join("clone");
    git(root, &["clone", "-q", shown(&control), shown(&clone)]);
    let error = said(&build(&clone, no_puppet()).unwrap_err());
    assert!(error.contains("modules/tagged: the module's folder is empty"), "{error}");
    assert!(error.contains("git submodule update --init"), "{error}");
    git(&clone, &["submodule", "--quiet", "update", "--init"]);
    let manifest = build(&clone, no_puppet()).unwrap().manifest;
    assert_eq!(module_of(&manifest, "tagged").commit.as_ref(), Some(&commit));
}

/// Packs and publishes an app without dependencies.
fn publish(root: &Path, version: &str, channel: &str, key: &SecretKey) -> App {
    let source = root.join("ui");
    std::fs::create_dir_all(&source).unwrap();
    std::fs::write(source.join("package.json"), r#"{"name": "@acme/ui", "version": "0.0.0"}"#)
        .unwrap();
    let lock = r#"{"name": "@acme/ui", "version": "0.0.0", "lockfileVersion": 3, "packages": {"": {"name": "@acme/ui", "version": "0.0.0"}}}"#;
    std::fs::write(source.join("package-lock.json"), lock).unwrap();
    let request = app::Request {
        folder: &source,
        numbering: &Numbering::Set(version.parse().unwrap()),
        tests: Tests::Run,
        variables: &[],
        out: &root.join("packs"),
        work: &root.join("work"),
    };
    let packed = app::pack(&request, &Quiet).unwrap().app;
    let url = format!("file://{}/store", root.display());
    let store = blob::open_for_publishing(&url, &Settings::default()).unwrap();
    let channel: Channel = channel.parse().unwrap();
    let now = Timestamp::from_seconds(0);
    app::publish(store.as_ref(), &packed, &channel, key, now, &Quiet).unwrap();
    packed
}

/// A vendor's key, and the trust in it for the app.
fn vendor() -> (SecretKey, Inputs) {
    let key = SecretKey::generate("vendor").unwrap();
    let mut trust = Trust::default();
    trust.add(key.public(), Sites::apps(["@acme/ui"]).unwrap());
    (key, Inputs { trust, ..no_puppet() })
}

#[test]
fn apps_come_by_range_by_channel_or_from_the_branch_that_the_caller_names() {
    let folder = site("[apps]\n\"@acme/ui\" = { version = \"^2.1\" }\n", &[]);
    let root = folder.path();
    let error = said(&build(root, no_puppet()).unwrap_err());
    assert!(error.contains("no store is named for the app @acme/ui"), "{error}");
    let (key, trusting) = vendor();
    for version in ["2.0.0", "2.9.0", "2.10.0", "3.0.0"] {
        publish(root, version, "main", &key);
    }
    let branch = publish(root, "2.11.0-scripts.1", "template-scripts", &key);

    let apps = format!("file://{}/store", root.display());
    let stored = Inputs { apps: Some(apps.clone()), ..trusting.clone() };
    let found = build(root, stored.clone()).unwrap().manifest.apps.remove(0);
    assert_eq!((found.version.as_str(), found.channel.as_deref()), ("2.10.0", Some("main")));
    assert_eq!(found.file, "apps/acme+ui-2.10.0.tgz");

    let name = "@acme/ui".parse().unwrap();
    let channels = [(name, "template-scripts".parse().unwrap())].into();
    let found = build(root, Inputs { channels, ..stored.clone() }).unwrap().manifest.apps.remove(0);
    assert_eq!((found.version.as_str(), found.digest), ("2.11.0-scripts.1", branch.digest));

    let channels = [("other".parse().unwrap(), Channel::default())].into();
    let error = said(&build(root, Inputs { channels, ..stored }).unwrap_err());
    assert!(error.contains("the site has no app other"), "{error}");

    let toml = format!(
        "site = \"x\"\nversion = \"1.0.0\"\n[store]\napps = \"{}\"\n[apps]\n\"@acme/ui\" = {{ channel = \"template-scripts\" }}\n",
        apps
    );
    std::fs::write(root.join("site/SITE.toml"), toml).unwrap();
    let found = build(root, trusting).unwrap().manifest.apps.remove(0);
    assert_eq!(found.version, "2.11.0-scripts.1");
}

#[test]
fn a_newer_version_that_no_trusted_key_signed_never_gets_into_a_bundle() {
    let folder = site("[apps]\n\"@acme/ui\" = { version = \">=2\" }\n", &[]);
    let root = folder.path();
    let (key, trusting) = vendor();
    publish(root, "2.1.0", "main", &key);
    let stored = Inputs { apps: Some(format!("file://{}/store", root.display())), ..trusting };
    build(root, stored.clone()).unwrap();
    // somebody who can write to the store, but uses their own key
    publish(root, "2.999.0", "main", &SecretKey::generate("thief").unwrap());
    let error = said(&build(root, stored.clone()).unwrap_err());
    assert!(error.contains("@acme/ui 2.999.0 in channel main"), "{error}");
    assert!(error.contains("which is not trusted"), "{error}");
    let nobody = Inputs { trust: Trust::default(), ..stored };
    let error = said(&build(root, nobody).unwrap_err());
    assert!(error.contains("no key is trusted for the app"), "{error}");
    assert!(error.contains("slipway key trust FILE --app @acme/ui"), "{error}");
}

/// `slipway bundle update` on the site from [`site`].
fn update(root: &Path, names: &[&str], inputs: Inputs) -> Vec<String> {
    let locking = Locking::Renew(names.iter().map(ToString::to_string).collect());
    let request = bundle::Request {
        site: &root.join("site"),
        build: 1,
        commit: None,
        created: TIME,
        out: &root.join("out"),
        cache: &root.join("cache"),
        inputs: Inputs { locking, ..inputs },
    };
    bundle::update(&request, &Quiet).unwrap()
}

#[test]
fn what_was_chosen_stays_chosen_until_somebody_updates_it() {
    let origins = tempfile::tempdir().unwrap();
    let moving = origins.path().join("moving");
    std::fs::create_dir(&moving).unwrap();
    let (_, second) = repository(&moving, "acme-moving");
    let url = shown(&moving);
    let puppetfile = format!("mod 'acme/moving', :git => '{url}', :ref => 'main'\n");
    let toml = "puppetfile = \"../Puppetfile\"\n[apps]\n\"@acme/ui\" = { version = \"^2.1\" }\n";
    let folder = site(toml, &[("Puppetfile", &puppetfile)]);
    let root = folder.path();
    let (key, trusting) = vendor();
    publish(root, "2.1.0", "main", &key);
    let stored = Inputs { apps: Some(format!("file://{}/store", root.display())), ..trusting };
    let demand = Inputs { locking: Locking::Demand, ..stored.clone() };
    let error = said(&build_again(root, demand.clone()).unwrap_err());
    assert!(error.contains("the site has no lock file"), "{error}");
    let first = build_again(root, stored.clone()).unwrap();
    let lock = std::fs::read_to_string(root.join("site/SITE.lock")).unwrap();
    assert!(lock.contains(&second) && lock.contains("2.1.0"), "{lock}");

    // somebody publishes, somebody pushes
    publish(root, "2.2.0", "main", &key);
    module(&moving, "acme-moving", "3.0.0");
    git(&moving, &["commit", "-q", "-am", "three"]);
    assert_eq!(build_again(root, stored.clone()).unwrap().digest, first.digest);
    assert_eq!(build_again(root, demand.clone()).unwrap().digest, first.digest);

    let changes = update(root, &["@acme/ui"], stored.clone());
    assert!(
        changes.len() == 1 && changes[0].contains("2.1.0 (") && changes[0].contains("-> 2.2.0")
    );
    let built = build_again(root, demand.clone()).unwrap().manifest;
    assert_eq!(module_of(&built, "moving").commit.as_ref(), Some(&second));
    assert_eq!(update(root, &[], stored.clone()).len(), 1);
    assert!(update(root, &[], stored.clone()).is_empty());
    let built = build_again(root, demand.clone()).unwrap().manifest;
    assert_eq!(module_of(&built, "moving").version.as_deref(), Some("3.0.0"));

    // the request has changed, but the lock has not
    let site_toml = root.join("site/SITE.toml");
    let text = std::fs::read_to_string(&site_toml).unwrap();
    std::fs::write(&site_toml, text.replace("^2.1", "^2.0")).unwrap();
    let error = said(&build_again(root, stored).unwrap_err());
    assert!(error.contains("its lock file has it as ^2.1 of main"), "{error}");
    assert!(error.contains("slipway bundle update"), "{error}");
}
