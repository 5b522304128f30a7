//! A site's catalog, compiled for each base before a bundle is written. Judge: puppet itself.

use std::sync::Mutex;

use slipway::apt::Names;
use slipway::bundle::{self, Base, Inputs};
use slipway::error::Error;
use slipway::progress::Progress;

use crate::bundle::checks::{build, said, site};
use crate::common::vendor::TIME;

const OS: &str = "[needs]\nos = [\"debian-12\", \"ubuntu-24.04\"]\n";
const HEAD: &str =
    "module_folders = [\"../modules\"]\n[needs]\nos = [\"debian-12\", \"ubuntu-24.04\"]\n";

fn inputs() -> Inputs {
    let base = |name: &str, suite: &str| Base {
        name: name.into(),
        suites: vec![suite.into()],
        packages: None,
    };
    let bases =
        vec![base("debian-12", "bookworm"), base("ubuntu-24.04", "noble"), base("ours", "sid")];
    Inputs { bases: Some(bases), ..Inputs::default() }
}

fn refused(toml: &str, files: &[(&str, &str)]) -> (Error, String) {
    let folder = site(toml, files);
    let error = build(folder.path(), inputs()).unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path().join("out")).map_or(0, Iterator::count), 0);
    let at = error.path().map(|path| path.display().to_string()).unwrap_or_default();
    let at = at.rsplit_once(".tmp").map_or(at.clone(), |(_, end)| end.to_owned());
    let text = said(&error);
    (error, format!("{at}\n{text}"))
}

/// The output for a site whose site.pp includes a class `role`, with further files.
fn role(text: &str, more: &[(&str, &str)]) -> String {
    let fixed = [
        ("site/manifests/site.pp", "include slipway::sentinel\ninclude role\n"),
        ("modules/role/manifests/init.pp", text),
    ];
    refused(HEAD, &[&fixed[..], more].concat()).1
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn step(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

fn notes(toml: &str, files: &[(&str, &str)], inputs: Inputs) -> String {
    let folder = site(toml, files);
    let notes = Notes::default();
    let request = bundle::Request {
        site: &folder.path().join("site"),
        build: 1,
        commit: None,
        created: TIME,
        out: &folder.path().join("out"),
        cache: &folder.path().join("cache"),
        inputs,
    };
    bundle::build(&request, &notes).unwrap_or_else(|e| panic!("{}", said(&e)));
    notes.0.into_inner().unwrap().join("\n")
}

#[test]
fn a_class_that_does_not_exist_is_named_with_file_and_line() {
    let manifest = "include slipway::sentinel\n\ninclude role::gestbook\n";
    let (_, text) = refused(OS, &[("site/manifests/site.pp", manifest)]);
    assert!(text.contains("site/manifests/site.pp:3"), "{text}");
    assert!(text.contains("the catalog for debian-12 does not compile"), "{text}");
    assert!(text.contains("Could not find class ::role::gestbook"), "{text}");
    assert!(!text.contains("environments"), "{text}");
}

#[test]
fn an_unknown_function_and_an_unknown_parameter_are_named_with_file_and_line() {
    let text = role("class role {\n  $x = upcse('a')\n}\n", &[]);
    assert!(text.contains("modules/role/manifests/init.pp:2"), "{text}");
    assert!(text.contains("Unknown function: 'upcse'"), "{text}");
    let text = role("class role {\n\n  file { '/x':\n    ensures => file,\n  }\n}\n", &[]);
    assert!(text.contains("role/manifests/init.pp:3") && text.contains("'ensures'"), "{text}");
}

#[test]
fn a_site_without_the_sentinel_is_refused() {
    let (_, text) = refused(OS, &[("site/manifests/site.pp", "notice('x')\n")]);
    assert!(text.contains("lacks slipway::sentinel"), "{text}");
    assert!(text.contains("site.pp") && text.contains("`include slipway::sentinel`"), "{text}");
}

#[test]
fn a_fault_of_one_base_alone_is_found_by_that_bases_facts() {
    let broken = "class role {\n  if $facts['os']['release']['major'] == '24.04' {\n    include nope\n  }\n}\n";
    let text = role(broken, &[]);
    assert!(text.contains("the catalog for ubuntu-24.04 does not compile"), "{text}");
    assert!(text.contains("modules/role/manifests/init.pp:3"), "{text}");
}

#[test]
fn a_file_of_a_module_that_is_not_there_is_named_with_the_line_that_copies_it() {
    let copies = |name: &str| {
        format!(
            "class role {{\n  file {{ '/x':\n    source => 'puppet:///modules/role/{name}',\n  }}\n}}\n"
        )
    };
    let more = [("modules/role/files/there/x.conf", "x")];
    let text = role(&copies("ther/x.conf"), &more);
    assert!(text.contains("modules/role/manifests/init.pp:2"), "{text}");
    assert!(
        text.contains("puppet:///modules/role/ther/x.conf, which is not in the bundle"),
        "{text}"
    );
    let site_pp = ("site/manifests/site.pp", "include slipway::sentinel\ninclude role\n");
    for name in ["there/x.conf", "there"] {
        let text = copies(name);
        let files = [site_pp, ("modules/role/manifests/init.pp", text.as_str()), more[0]];
        build(site(HEAD, &files).path(), inputs()).unwrap();
    }
}

#[test]
fn a_base_that_nobody_defines_is_refused_with_its_line_and_the_nearest_name() {
    let toml = "[needs]\nos = [\n  \"ours\",\n  \"debain-12\",\n]\n";
    let (error, text) = refused(toml, &[]);
    assert!(
        text.contains("SITE.toml:6") && text.contains("there is no base \"debain-12\""),
        "{text}"
    );
    let remedy = "did you mean \"debian-12\"? there are debian-12, ubuntu-24.04, ours, debian-13, ubuntu-22.04";
    assert_eq!(error.find_remedy(), Some(remedy));
}

#[test]
fn what_compiled_the_catalog_and_what_did_not_is_said() {
    let version = crate::common::judge::judge("puppet", &["--version"]);
    let toml = "[needs]\nos = [\"ours\", \"debian-12\"]\n";
    let said = notes(toml, &[], inputs());
    let expected = format!("compiles for debian-12 (by this machine's Puppet {}", version.trim());
    assert!(said.contains(&expected), "{said}");
    assert!(said.contains("ours: its facts are not known here"), "{said}");
    let said = notes(toml, &[], Inputs { puppet: false, ..inputs() });
    assert!(said.contains("neither checked the manifests nor compiled the catalog"), "{said}");
}

#[test]
fn what_a_customer_and_a_machine_would_say_can_be_given_as_an_example() {
    let role_pp =
        "class role (String[1] $label) {\n  notify { \"${label} ${facts['rack']['row']}\": }\n}\n";
    let text = role(role_pp, &[]);
    assert!(text.contains("[check.hiera]"), "{text}");
    let toml = format!(
        "{HEAD}[check.hiera]\n\"role::label\" = \"Example\"\n[check.facts]\nrack = {{ row = 1 }}\n"
    );
    let files = [
        ("site/manifests/site.pp", "include slipway::sentinel\ninclude role\n"),
        ("modules/role/manifests/init.pp", role_pp),
    ];
    notes(&toml, &files, inputs());
}

/// Like [`inputs`], but debian-12's archives have these packages.
fn with_packages(names: &[&str]) -> Inputs {
    let names = names.iter().map(|name| (*name).to_owned());
    let mut inputs = inputs();
    let bases = inputs.bases.as_mut().unwrap();
    bases[0].packages = Some(Names::new("2026-06-01T00:00:00Z".parse().unwrap(), names));
    inputs
}

#[test]
fn a_package_that_no_archive_of_a_base_has_is_named_with_the_line_that_asks_for_it() {
    let inputs = || with_packages(&["nodejs", "nginx-light"]);
    let toml =
        "[needs]\nos = [\"debian-12\"]\npackages = [\n  \"nodejs\",\n  \"nginx-lihgt\",\n]\n";
    let error = build(site(toml, &[]).path(), inputs()).unwrap_err();
    let at = error.path().unwrap().display().to_string();
    assert!(at.ends_with("SITE.toml:7"), "{at}");
    assert!(error.find_remedy().unwrap().contains("did you mean \"nginx-light\"?"), "{error:?}");

    let head = "module_folders = [\"../modules\"]\n[needs]\nos = [\"debian-12\"]\n";
    let with = |role: &str| {
        let files = [
            ("site/manifests/site.pp", "include slipway::sentinel\ninclude role\n"),
            ("modules/role/manifests/init.pp", role),
        ];
        build(site(head, &files).path(), inputs())
    };
    let error = with("class role {\n  package { 'nodejss':\n  }\n}\n").unwrap_err();
    let at = error.path().unwrap().display().to_string();
    assert!(at.ends_with("modules/role/manifests/init.pp:2"), "{at}");
    let text = said(&error);
    assert!(text.contains("Package[nodejss]") && text.contains("no package \"nodejss\""), "{text}");
    assert!(error.find_remedy().unwrap().contains("did you mean \"nodejs\"?"), "{text}");
    // packages that apt does not have to find
    for role in [
        "class role { package { 'x': ensure => absent } }",
        "class role { package { 'x': provider => 'gem' } }",
        "class role { package { 'x': provider => 'dpkg', source => '/opt/x.deb' } }",
        "class role { package { 'x': name => 'nodejs', ensure => '18.19.0' } }",
        "class role { @package { 'x': } }",
        "class role { file { '/etc/apt/sources.list.d/y.list': } package { 'x': } }",
    ] {
        with(role).unwrap_or_else(|e| panic!("{role}: {}", said(&e)));
    }
}

#[test]
fn where_packages_were_looked_up_and_where_not_is_said() {
    let said = notes(OS, &[], with_packages(&["nodejs"]));
    let expected = "in the archives of debian-12; those of ubuntu-24.04 were not asked here yet";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn what_every_agent_sends_is_there_and_what_only_puppet_8_refuses_is_refused_there() {
    // concat and others compare the agent's version, which Facter does not provide
    let both = "class role {\n  notice(versioncmp($clientversion, '5.0') + versioncmp($facts['puppetversion'], '5.0'))\n}\n";
    let fixed = ("site/manifests/site.pp", "include slipway::sentinel\ninclude role\n");
    let files = |role| [fixed, ("modules/role/manifests/init.pp", role)];
    build(site(HEAD, &files(both)).path(), inputs()).unwrap_or_else(|e| panic!("{}", said(&e)));
    let old = "class role {\n  notice(\"on ${::osfamily}\")\n}\n";
    let text = role(old, &[]);
    assert!(text.contains("catalog for ubuntu-24.04") && text.contains("osfamily"), "{text}");
    assert!(text.contains("init.pp:2"), "{text}");
}

#[test]
fn a_fact_that_a_module_brings_is_named_where_the_catalog_needs_it() {
    let role = "class role {\n  notice($facts['rack']['row'])\n}\n";
    let fact =
        ("modules/role/lib/facter/rack.rb", "Facter.add(:rack) { setcode { { 'row' => 1 } } }\n");
    let fixed = ("site/manifests/site.pp", "include slipway::sentinel\ninclude role\n");
    let (error, _) = refused(HEAD, &[fixed, ("modules/role/manifests/init.pp", role), fact]);
    let remedy = error.find_remedy().unwrap();
    assert!(remedy.contains("rack") && remedy.contains("[check.facts]"), "{remedy}");
}
