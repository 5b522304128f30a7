//! How a run is judged, and which parts of it may be shown: Puppet's own reports of sites that are
//! applied here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::scripts;

const RELEASE: &str = "demo-1.0.0+b1";
/// What the class slipway::sentinel writes on a machine.
const SENTINEL: &str = "/var/lib/slipway/converged-release";

/// A machine's folders, below a folder of the test.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new(manifest: Option<&str>) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        site.write("code/RELEASE_ID", RELEASE);
        fs::create_dir_all(site.path("code/manifests")).unwrap();
        if let Some(text) = manifest {
            let sentinel = format!("file {{ '{}/sentinel': content => 'x' }}\n", site.here());
            site.write("code/manifests/site.pp", &(sentinel + &text.replace("HERE", &site.here())));
        }
        for name in ["/secrets.rb", "/converge-report", "/mask"] {
            let (_, text) = scripts().into_iter().find(|(path, _)| path.ends_with(name)).unwrap();
            let text = text.replace("/usr/lib/slipway/", &format!("{}/", site.here()));
            let text = text.replace("'/var/lib/", &format!("'{}/var/lib/", site.here()));
            let text = text.replace("'/etc/", &format!("'{}/etc/", site.here()));
            let text = text.replace(
                &format!("'{}/etc/puppet/code/environments/production'", site.here()),
                &format!("'{}/code'", site.here()),
            );
            site.write(&name[1..], &text);
        }
        site
    }

    fn here(&self) -> String {
        self.folder.path().to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Applies the site, and returns converge-report's result.
    fn apply(&self, options: &[&str]) -> Value {
        fs::create_dir_all(self.path("state")).unwrap();
        let (state, log) = (self.path("state"), self.path("log"));
        let file = |name: &str| state.join(name).to_str().unwrap().to_owned();
        let mut puppet = Command::new("puppet");
        puppet.args(["apply", "--detailed-exitcodes", "--color=false", "--no-show_diff"]);
        puppet.args(["--confdir", &self.here(), "--vardir", &file("var")]);
        puppet.args(["--config_version", &format!("/bin/echo {RELEASE}")]);
        puppet.args([
            "--lastrunfile",
            &file("summary.yaml"),
            "--lastrunreport",
            &file("report.yaml"),
        ]);
        puppet.args(["--logdest", log.to_str().unwrap()]).args(options);
        let code = puppet.arg(self.path("code/manifests")).output().unwrap().status.code();
        // the sentinel's place on a machine
        let report = fs::read_to_string(file("report.yaml")).unwrap_or_default();
        fs::write(
            file("report.yaml"),
            report.replace(&format!("{}/sentinel", self.here()), SENTINEL),
        )
        .unwrap();
        self.judge(code.unwrap(), &log)
    }

    fn judge(&self, code: i32, log: &Path) -> Value {
        // apply accepts no config_version but its own, which is what the agent's would be
        let summary = self.path("state/summary.yaml");
        let text = fs::read_to_string(&summary).unwrap_or_default();
        let text: Vec<String> = text
            .lines()
            .map(|l| {
                if l.starts_with("  config:") {
                    format!("  config: {RELEASE}")
                } else {
                    l.to_owned()
                }
            })
            .collect();
        fs::write(&summary, text.join("\n")).unwrap();
        let result = self.path("result.json");
        let output = Command::new("ruby")
            .arg(self.path("converge-report"))
            .args([result.to_str().unwrap(), "apply", &code.to_string(), "0"])
            .arg(self.path("code/RELEASE_ID"))
            .arg(self.path("state"))
            .arg(log)
            .arg("0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let text = fs::read_to_string(&result).unwrap_or_else(|e| panic!("{e}: {said}"));
        serde_json::from_str(&text).unwrap()
    }
}

#[test]
fn a_site_with_the_sentinel_alone_or_messages_or_nothing_but_noop_is_no_success() {
    for (manifest, options, code) in [
        ("", &[][..], "EMPTY"),
        ("notify { 'hello': }", &[][..], "EMPTY"),
        ("file { 'HERE/a': content => 'x', noop => true }", &[][..], "NOOP"),
        ("file { 'HERE/a': content => 'x' }", &["--noop"][..], "NOOP"),
        ("file { 'HERE/a': content => 'x', tag => 'other' }", &["--tags", "nobody"][..], "NOOP"),
        ("file { 'HERE/a': content => 'x' }", &[][..], ""),
        (
            "file { 'HERE/a': content => 'x' }\nfile { 'HERE/b': content => 'x', noop => true }",
            &[][..],
            "",
        ),
    ] {
        let site = Site::new(Some(manifest));
        let result = site.apply(options);
        assert_eq!(result["code"], code, "{manifest} {options:?}: {result}");
        assert_eq!(result["converged"], code.is_empty());
        if code.is_empty() {
            assert_eq!(
                site.apply(options)["code"],
                "",
                "a run that changes nothing is a proof as well"
            );
        }
    }
}

#[test]
fn missing_manifests_are_called_missing() {
    let result = Site::new(None).apply(&[]);
    assert_eq!(result["code"], "EMPTY", "{result}");
    assert!(result["message"].as_str().unwrap().contains("no manifests"), "{result}");
}

/// Values of a customer's profile and of keys that the site marks, in any spelling that a command
/// may print.
#[test]
fn no_word_of_a_failed_resource_that_came_from_a_secret_is_shown() {
    let manifest = r#"
        exec { 'import': command => "/bin/sh -c 'echo s3cr\$t/Word+1 >&2; exit 3' s3cr\$t/Word+1" }
        exec { "/bin/sh -c 'exit 4' hunter-of-the-site": }
        exec { 'url': command => '/bin/sh -c "echo postgres://app:s3cr%24t%2FWord%2B1@db >&2; exit 5"' }
        exec { 'told': command => '/bin/sh -c "exit 6" --password=never-declared -pneither' }
        exec { 'made': command => '/bin/sh -c "exit 7" 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' }
        exec { 'number': command => '/bin/sh -c "exit 8" 48151623' }
    "#;
    let site = Site::new(Some(manifest));
    site.write(
        "etc/slipway/hiera/customer.yaml",
        "---\n\"app::db\": {password: \"s3cr$t/Word+1\", pin: 48151623, on: true}\n",
    );
    site.write(
        "code/data/common.yaml",
        "---\nlookup_options:\n  '^site::.*_key$': {convert_to: Sensitive}\nsite::api_key: hunter-of-the-site\n",
    );
    site.write("var/lib/slipway/secrets/site", "own-secret-of-it\n");
    let result = site.apply(&[]);
    assert_eq!((&result["code"], &result["failed_count"]), (&"RESOURCES".into(), &6.into()));
    let shown = result.to_string();
    for secret in ["s3cr", "hunter-of", "never-declared", "neither", "9f86d081", "48151623"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("returned 3 instead of"), "what is no secret stays: {shown}");
    let titles = result["titles"].as_array().unwrap();
    assert!(titles.contains(&"Exec[import]".into()), "{titles:?}");
    assert!(titles.contains(&"Exec[/bin/sh …]".into()), "{titles:?}");
    // root finds everything on the disk
    assert!(fs::read_to_string(site.path("state/report.yaml")).unwrap().contains("never-declared"));
}

#[test]
fn words_of_a_server_are_hidden_in_the_same_way() {
    let site = Site::new(None);
    site.write("etc/slipway/hiera/customer.yaml", "---\n\"k\": \"s3cr't\"\n");
    let command = format!("echo \"cannot log in as s3cr't\" | ruby {}/mask", site.here());
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "cannot log in as [secret]\n");
}

#[test]
fn a_run_without_a_server_keeps_no_report_of_its_own() {
    let (_, conf) =
        all_files().into_iter().find(|(path, _)| path == "/etc/puppet/puppet.conf").unwrap();
    let site = Site::new(Some("file { 'HERE/a': content => 'x' }"));
    // a machine's settings, without the folders that they name
    let own: Vec<&str> =
        conf.lines().filter(|l| !l.contains("path = ") && !l.contains("dir = ")).collect();
    let own: Vec<&str> = own.into_iter().filter(|l| !l.contains("hiera_config")).collect();
    site.write("puppet.conf", &own.join("\n"));
    assert_eq!(site.apply(&[])["code"], "");
    assert!(!site.path("state/var/reports").join("x").exists());
    let reports = site.path("state/var/reports");
    let kept = fs::read_dir(&reports).map_or(0, |entries| entries.count());
    assert_eq!(kept, 0, "one more each run fills the disk");
}

fn all_files() -> Vec<(String, String)> {
    use slipway::layer::puppet::{MasterFacts, configure};
    let mut tree = slipway::tree::Tree::new();
    let facts = MasterFacts {
        mode: slipway::profile::MasterMode::Apply,
        time: slipway::units::Timestamp::default(),
    };
    configure(&mut tree, &facts).unwrap();
    tree.iter()
        .filter_map(|(path, _)| {
            let bytes = tree.file(path)?.read().ok()?;
            Some((path.to_string(), String::from_utf8(bytes.to_vec()).ok()?))
        })
        .collect()
}
