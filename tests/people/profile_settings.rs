//! The parameters that a site lets profiles set, and what every verb makes of them.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A site that declares a parameter of each kind.
const DECLARED: &str = r#"
[parameters."profile::shop::title"]
type = "string"
about = "What stands at the top of each page."
default = "Shop"

[parameters."profile::shop::workers"]
type = "integer"
about = "How many requests are answered at once."
default = 2

[parameters."profile::mail::login"]
type = "string"
about = "What the mail server wants to hear."
secret = true
optional = true

[parameters."profile::shop::licence"]
type = "integer"
about = "The number of the customer's licence."
"#;

/// A project whose store has the site.
struct Project {
    root: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let project = Self { root };
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("images/debian-12.toml");
        project.write("images/debian-12.toml", &std::fs::read_to_string(ours).expect("a base"));
        project.write(
            "profiles/shared/common.toml",
            "base = \"debian-12\"\nsite = \"shop\"\nchannel = \"stable\"\nstore = \"file:store\"\n",
        );
        project.write("site/manifests/site.pp", "notice('x')\n");
        project.write(
            "site/hiera.yaml",
            "version: 5\ndefaults: {datadir: data, data_hash: yaml_data}\nhierarchy:\n  - {name: a, path: slipway.yaml}\n",
        );
        std::fs::create_dir_all(project.path("store")).expect("a folder");
        project.good(&["key", "new", "shop", "--no-passphrase"]);
        project.good(&["key", "trust", "shop", "--site", "shop"]);
        project
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn customer(&self, settings: &str) {
        let text = format!("extends = \"common\"\n[customer]\nname = \"A\"\n[hiera]\n{settings}");
        self.write("profiles/acme.toml", &text);
    }

    fn publish(&self, build: &str, declared: &str) {
        let toml = format!("site = \"shop\"\nversion = \"1.0.0\"\n{declared}");
        self.write("site/SITE.toml", &toml);
        let store = format!("file://{}", self.path("store").display());
        let arguments = ["bundle", "build", "site", "--build", build, "--no-puppet-check"];
        self.good(&[&arguments[..], &["--publish", &store, "--channel", "stable"]].concat());
    }

    fn slipway(&self, arguments: &[&str]) -> (Option<i32>, String) {
        self.run(Command::new(env!("CARGO_BIN_EXE_slipway")).args(arguments))
    }

    /// The same on a terminal: each question, and what is typed in answer.
    fn asked(&self, arguments: &[&str], dialogue: &[(&str, &str)]) -> (Option<i32>, String) {
        let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/answers.py");
        let dialogue = serde_json::to_string(dialogue).expect("JSON");
        let mut command = Command::new("python3");
        command.args([driver, &dialogue, env!("CARGO_BIN_EXE_slipway")]).args(arguments);
        self.run(&mut command)
    }

    fn run(&self, command: &mut Command) -> (Option<i32>, String) {
        command.current_dir(self.root.path()).stdin(Stdio::null());
        command.env("SLIPWAY_CACHE", self.path("cache"));
        command.env("SLIPWAY_KEYS", self.path("keys"));
        for variable in ["SLIPWAY_PROJECT", "SLIPWAY_TRUST", "SLIPWAY_KEY_FILE"] {
            command.env_remove(variable);
        }
        let output = command.output().expect("slipway");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).expect("UTF-8"))
    }

    fn good(&self, arguments: &[&str]) -> String {
        let (code, said) = self.slipway(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    }

    fn bad(&self, arguments: &[&str]) -> String {
        let (code, said) = self.slipway(arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        said
    }
}

fn all_in(said: &str, shown: &[&str]) {
    for shown in shown {
        assert!(said.contains(shown), "{shown}\n{said}");
    }
}

#[test]
fn settings_are_held_against_what_the_site_declares() {
    let project = Project::new();
    project.customer("\"profile::shop::titel\" = \"x\"\n");
    project.publish("1", "");
    // a bundle that declares nothing cannot be asked, and that is said once
    let said = project.good(&["check", "--all"]);
    assert_eq!(said.matches("not checked: whether the settings of acme fit").count(), 1, "{said}");
    project.good(&["plan", "acme"]);
    let json: Value =
        serde_json::from_str(&project.good(&["check", "acme", "--json"])).expect("JSON");
    assert_eq!(json["unchecked"][0]["what"], "settings");

    project.publish("2", DECLARED);
    let said = project.bad(&["check", "acme"]);
    all_in(
        &said,
        &[
            "the site has no parameter \"profile::shop::titel\"",
            "profiles/acme.toml:5:1",
            "did you mean \"profile::shop::title\"?",
            "the site needs a value for \"profile::shop::licence\"",
            "it is for: The number of the customer's",
        ],
    );
    all_in(&project.bad(&["plan", "acme"]), &["did you mean \"profile::shop::title\"?"]);
    project.customer("\"profile::shop::licence\" = \"7\"\n");
    let said = project.bad(&["check", "acme"]);
    all_in(&said, &["must be a whole number", "profiles/acme.toml:5:28"]);

    project.customer(
        "\"profile::shop::licence\" = 7\n\"profile::shop::title\" = \"Ä\"\n\"profile::mail::login\" = \"hidden-word\"\n",
    );
    let said = project.good(&["check", "--all"]);
    assert!(!said.contains("not checked"), "{said}");
    let said = project.good(&["plan", "acme"]);
    all_in(
        &said,
        &[
            "profile::mail::login (secret, not shown)",
            "profile::shop::title Ä",
            "profile::shop::workers 2, the site's default",
        ],
    );
    let json = project.good(&["plan", "acme", "--json"]);
    assert!(!said.contains("hidden-word") && !json.contains("hidden-word"), "{said}");
}

#[test]
fn a_new_profile_and_the_editors_schema_know_what_the_site_declares() {
    let project = Project::new();
    let schema = |arguments: &[&str]| -> Value {
        let said = project.good(&[&["schema"], arguments].concat());
        serde_json::from_str(&said).expect("JSON")
    };
    let plain = schema(&[]);
    assert_eq!(plain, schema(&["--no-sites"]));
    project.publish("1", DECLARED);

    let new = |more: &[&str]| {
        let arguments = ["new", "acme", "--name", "Acme", "--extends", "common"];
        project.slipway(&[&arguments[..], more].concat())
    };
    let (code, said) = new(&[]);
    assert_eq!(code, Some(1), "{said}");
    all_in(
        &said,
        &["nobody to ask for profile::shop::licence", "--set profile::shop::licence=VALUE"],
    );
    let (code, said) = new(&["--set", "profile::shop::licence=x"]);
    assert_eq!(code, Some(1), "{said}");
    all_in(&said, &["must be a whole number"]);
    let (code, said) =
        new(&["--set", "profile::shop::licence=7", "--set", "profile::shop::titel=x"]);
    assert_eq!(code, Some(1), "{said}");
    all_in(&said, &["did you mean \"profile::shop::title\"?"]);
    assert!(!project.path("profiles/acme.toml").exists());
    let title = "profile::shop::title=7 \u{201c}days\u{201d}";
    let (code, said) = new(&["--set", "profile::shop::licence=7", "--set", title]);
    assert_eq!(code, Some(0), "{said}");
    project.good(&["check", "acme"]);
    let text = std::fs::read_to_string(project.path("profiles/acme.toml")).expect("the profile");
    all_in(
        &text,
        &["\n[hiera] ", "\"profile::shop::licence\" = 7\n", "\"7 \u{201c}days\u{201d}\"\n"],
    );

    for arguments in [&[][..], &["--parent"]] {
        let hiera = &schema(arguments)["properties"]["hiera"];
        assert_eq!(hiera["additionalProperties"], false, "{hiera}");
        let keys = &hiera["properties"];
        assert_eq!(keys["profile::shop::workers"]["type"], "integer");
        assert_eq!(keys["profile::shop::workers"]["default"], 2);
        assert_eq!(
            keys["profile::shop::title"]["description"],
            "What stands at the top of each page."
        );
    }
    assert_eq!(plain, schema(&["--no-sites"]));
    // a profile of an unknown site may set anything
    project.write(
        "profiles/other.toml",
        "extends = \"common\"\nsite = \"other\"\n[customer]\nname = \"O\"\n",
    );
    assert_eq!(schema(&[])["properties"]["hiera"]["additionalProperties"], true);
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOLZeEHMRyJ0gnoKSlh0vp60yW+hu0e7q5LIEeyVGQCQ ana@example";

#[test]
fn whoever_sits_at_a_terminal_is_asked_for_all_that_a_customer_differs_in_and_sees_the_profile() {
    let project = Project::new();
    project.publish("1", DECLARED);
    project.write("key.pub", &format!("# of Ana\n{KEY}\n"));
    let dialogue = [
        ("The customer's name", "Acme Ltd\r"),
        ("The contact person", "\r"),
        ("Inherit from", "\r"),
        // VMware and, two lines below it, Hyper-V
        ("Where will it run?", " \x1b[B\x1b[B \r"),
        ("Fixed address", "192.0.2.10/24\r"),
        ("Its gateway", "192.0.3.1\r"),
        ("the gateway is not in the machine's network", "192.0.2.1\r"),
        ("Name servers", "192.0.2.53, 192.0.2.54\r"),
        ("Proxy", "\r"),
        ("Time zone", "Lisb\t\r"),
        ("Public key of admin", "key.pub\r"),
        ("(empty: no more)", "\r"),
        ("Title on the console", "\r"),
        ("Size of the disk", "40 GiB\r"),
        ("The number of the customer's licence", "7\r"),
        // the first setting that needs no answer is the secret one
        ("What should be different for this customer?", " \r"),
        ("wants to hear (profile::mail::login)\x1b[0m \x1b[38;5;8m\u{203a}", "hidden-word\r"),
        ("Write this profile?", "y"),
    ];
    let (code, said) = project.asked(&["new", "acme"], &dialogue);
    assert_eq!(code, Some(0), "{said}");
    all_in(&said, &["(secret, not shown)", "slipway plan acme", "slipway build acme"]);
    assert!(!said.contains("hidden-word"), "{said}");
    project.good(&["check", "acme"]);
    let text = std::fs::read_to_string(project.path("profiles/acme.toml")).expect("the profile");
    let profile: toml::Table = text.parse().expect("TOML");
    let wanted = format!(
        "extends = \"common\"\nformats = [\"vmware\", \"hyper-v\"]\n[customer]\nname = \"Acme Ltd\"\n\
         [system]\ntimezone = \"Europe/Lisbon\"\n[network]\naddress = \"192.0.2.10/24\"\n\
         gateway = \"192.0.2.1\"\ndns = [\"192.0.2.53\", \"192.0.2.54\"]\n[hardware]\ndisk = \"40 GiB\"\n\
         [access]\nssh_keys = [{KEY:?}]\n[hiera]\n\"profile::mail::login\" = \"hidden-word\"\n\
         \"profile::shop::licence\" = 7\n"
    );
    assert_eq!(profile, wanted.parse().expect("TOML"), "{text}");
}

#[test]
fn a_profile_that_nobody_wants_when_they_see_it_is_not_written() {
    let project = Project::new();
    let given = ["new", "acme", "--name", "Acme", "--extends", "common", "--format", "kvm"];
    let given = [&given[..], &["--timezone", "UTC", "--ssh-key", KEY, "--title", "x"]].concat();
    let given = [&given[..], &["--disk", "9 GiB", "--proxy", "http://proxy.example:3128"]].concat();
    let dialogue = [
        ("The contact person", "\r"),
        ("Fixed address", "\r"),
        ("Name servers", "\r"),
        ("Write this profile?", "n"),
    ];
    let (code, said) = project.asked(&given, &dialogue);
    assert_ne!(code, Some(0), "{said}");
    all_in(&said, &["nothing was written"]);
    assert!(!project.path("profiles/acme.toml").exists());
    // and it contains what flags say, where nobody is asked
    let (code, said) = project.slipway(&given);
    assert_eq!(code, Some(0), "{said}");
    let text = std::fs::read_to_string(project.path("profiles/acme.toml")).expect("the profile");
    all_in(&text, &["formats = [\"kvm\"]", "disk = \"9 GiB\"", "product = \"x\"", KEY]);
    let (code, said) = project.slipway(&[
        "new",
        "b",
        "--name",
        "B",
        "--extends",
        "common",
        "--ssh-key",
        "no/such",
    ]);
    assert_eq!(code, Some(1), "{said}");
}
