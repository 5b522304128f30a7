//! Sites that are refused before a bundle is written. Judges: puppet, Ruby's YAML, Puppet's own
//! ranges.

use std::path::Path;

use slipway::bundle::{self, Bundle, Inputs};
use slipway::error::Error;
use slipway::progress::Quiet;

use crate::common::judge::{judge, judge_in, shown};
use crate::common::vendor::TIME;

/// A site's folder with these files, in addition to those of every site.
pub fn site(toml: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let toml = format!("site = \"x\"\nversion = \"1.0.0\"\n{toml}");
    let fixed = [
        ("site/SITE.toml", toml.as_str()),
        ("site/manifests/site.pp", "include slipway::sentinel\n"),
    ];
    for (path, text) in fixed.iter().chain(files) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Builds the site from [`site`] for the first time: there is no lock file.
pub fn build(folder: &Path, inputs: Inputs) -> Result<Bundle, Error> {
    let _ = std::fs::remove_file(folder.join("site/SITE.lock"));
    build_again(folder, inputs)
}

/// Builds it according to its lock file, if there is one.
pub fn build_again(folder: &Path, inputs: Inputs) -> Result<Bundle, Error> {
    let request = bundle::Request {
        site: &folder.join("site"),
        build: 1,
        commit: None,
        created: TIME,
        out: &folder.join("out"),
        cache: &folder.join("cache"),
        inputs,
    };
    bundle::build(&request, &Quiet)
}

/// Everything that is said about an error.
pub fn said(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text += &format!("\n{inner}");
        cause = inner.source();
    }
    format!("{text}\n{}", error.find_remedy().unwrap_or_default())
}

fn refusal(toml: &str, files: &[(&str, &str)]) -> String {
    let folder = site(toml, files);
    let error = build(folder.path(), Inputs::default()).unwrap_err();
    // an error in SITE.toml itself is reported before there is a folder
    let left = std::fs::read_dir(folder.path().join("out")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
    said(&error)
}

const MODULES: &str = "module_folders = [\"../modules\"]\n";

#[test]
fn manifests_that_puppet_cannot_parse_are_named_with_their_lines() {
    let files = [
        (
            "modules/profile/manifests/init.pp",
            "class profile {\n  file { '/x' ensure => file }\n}\n",
        ),
        ("modules/role/manifests/init.pp", "class role {\n\n  }}\n"),
    ];
    let said = refusal(MODULES, &files);
    assert!(said.contains("profile/manifests/init.pp, line: 2"), "{said}");
    assert!(said.contains("role/manifests/init.pp, line: 3"), "{said}");
    let folder = site(MODULES, &files);
    build(folder.path(), Inputs { puppet: false, ..Inputs::default() }).unwrap();
}

#[test]
fn hieras_files_are_refused_with_file_and_line() {
    let cases = [
        ("site/data/common.yaml", "a: 1\nb: [1,\nc: 2\n", "data/common.yaml:2: not valid YAML"),
        ("site/data/common.yaml", "a: 1\na: 2\n", "common.yaml:2: the key \"a\" is there twice"),
        ("site/data/os/x.yml", "- a\n", "os/x.yml:1: Hiera's data is not a mapping"),
        ("site/hiera.yaml", "version: 3\n", "hiera.yaml:1: hiera.yaml has version \"3\""),
        (
            "site/hiera.yaml",
            "version: 5\nhierarchy:\n  - name: a\n    path: ../x.yaml\n",
            "hiera.yaml:4: \"../x.yaml\" does not lie in the bundle",
        ),
        (
            "site/hiera.yaml",
            "version: 5\nhierarchy:\n  - name: a\n    path: comon.yaml\n",
            "hiera.yaml:4: hiera.yaml names data/comon.yaml, which is not there",
        ),
        (
            "site/hiera.yaml",
            "version: 5\ndefaults:\n  datadir: dta\n",
            "hiera.yaml:3: the datadir \"dta\" holds no file",
        ),
        (
            "modules/role/hiera.yaml",
            "version: 5\nhierarchy:\n  - {name: a, path: x, paths: [y]}\n",
            "role/hiera.yaml:3: a level has both",
        ),
        ("modules/role/data/x.yaml", "a: {\n", "role/data/x.yaml:"),
    ];
    for (path, text, says) in cases {
        let other = ("modules/role/manifests/init.pp", "class role {}\n");
        let said = refusal(MODULES, &[other, (path, text)]);
        assert!(said.contains(says), "{says}: {said}");
    }
}

/// Puppet's own reader of texts that are separated by zero bytes: each is a mapping, or nothing.
const PUPPET_READS: &str = "require 'puppet'; require 'puppet/util/yaml'
    File.read(ARGV[0], encoding: 'utf-8').split(\"\\0\", -1).each do |text|
      begin
        read = Puppet::Util::Yaml.safe_load(text, [Symbol], 'x')
        puts(read.is_a?(Hash) || read.nil? || read == false ? 'true' : 'false')
      rescue Exception
        puts 'false'
      end
    end";

/// For each environment of a folder: whether a catalog compiles that looks up a key.
const PUPPET_LOOKS_UP: &str = "require 'puppet'
    home, *names = ARGV
    folders = %w[confdir vardir codedir logdir rundir].flat_map { |s| [\"--#{s}\", \"#{home}/state\"] }
    Puppet.initialize_settings(folders)
    loader = Puppet::Environments::Directories.new(\"#{home}/envs\", [])
    names.each do |name|
      Puppet.override(environments: loader) do
        env = loader.get!(name)
        Puppet.override(current_environment: env) do
          node = Puppet::Node.new('n', facts: Puppet::Node::Facts.new('n', {}), environment: env)
          begin
            Puppet::Parser::Compiler.compile(node)
            puts 'true'
          rescue Exception => e
            STDERR.puts(e.message)
            puts 'false'
          end
        end
      end
    end";

#[test]
fn hieras_data_is_read_as_puppet_reads_it_and_stricter_in_two_things_alone() {
    let texts = [
        "---\na: 1\n",
        "---\n",
        "",
        "# x\n",
        "a: 'it''s'\nb: \"x\\n\"\n",
        "a: |\n  x\n  y\nb: >-\n  z\n",
        "a: &x [1]\nb: *x\n",
        "\"a::b\": {c: [d, e]}\n",
        "a: %{x}\n",
        "a: [1,\n",
        "a: 'x\n",
        "\ta: 1\n",
        "a: b: c\n",
        "a:\n- 1\n- 2\n",
        "a: \"%{hiera('x')}\"\n",
        "a: @x\n",
        "? a\n: b\n",
        "a: !ruby/sym x\n",
        "a: *none\n",
        "é: ü\n",
        "{a: 1, b: 2}\n",
        "- a\n",
        "x\n",
        "5\n",
        "release_date: 2024-01-01\n",
        "a: 2024-01-01 10:00:00\n",
        "a: 2024-01-01T10:00:00Z\n",
        "a: '2024-01-01'\n",
        "a: 12:30\n",
        "a: 2024-1-1\n",
        "a: !ruby/object:Object {}\n",
        "a: !ruby/regexp /x/\n",
        "a: !!set {x}\n",
        "a: !!str 5\n",
        "a: !!int '5'\n",
        "a: !x y\n",
        "a: :sym\n",
        "a: x\u{1}y\n",
        "a: \"x\u{7}\"\n",
        "a: &x.y 1\n",
        ": x\n",
        "\u{feff}a: 1\n",
        "key: \"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n\"\n",
        "{\n\t\"a\": 1,\n\t\"b\": [2]\n}\n",
        "a:\t1\n",
        "a: [\n1,\n2\n]\n",
        "80: x\n\"80\": y\n",
        "1.5: x\n",
        "true: x\n",
        "a: 0o17\nb: 0x1f\nc: 1_000\n",
        "a: ~\n",
        "a: \n",
        "<<: {a: 1}\nb: 2\n",
        "a: \"\\d\"\n",
        "a: *.example.com\n",
        "a: 1\r\nb: 2\r\n",
        "a: >\n x\n\n y\n",
        "...\n",
        "--- {a: 1}\n",
        "%YAML 1.1\n---\na: 1\n",
        "a: 'x\n  y'\n",
        "a: {b: 1,}\n",
        "a: [1 2]\n",
    ];
    // things that would be lost silently, or that exist only for Puppet
    let stricter = [("a: 1\na: 2\n", "twice"), ("a: 1\n---\nb: 2\n", "second document")];
    for (text, says) in stricter {
        assert!(refusal("", &[("site/data/common.yaml", text)]).contains(says), "{text:?}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), texts.join("\0")).unwrap();
    let judged = judge("ruby", &["-e", PUPPET_READS, shown(file.path())]);
    compare("data/common.yaml", &texts, &judged);
}

/// Builds with each text as a file of the site, and compares the results with a judge's lines.
fn compare(path: &str, texts: &[&str], judged: &str) {
    let judged: Vec<&str> = judged.lines().filter(|l| matches!(*l, "true" | "false")).collect();
    assert_eq!(judged.len(), texts.len());
    let mut wrong = Vec::new();
    for (text, judged) in texts.iter().zip(judged) {
        let path = format!("site/{path}");
        let data = [("site/data/common.yaml", "x: found\n"), (path.as_str(), *text)];
        let folder = site("", &data);
        let ours = build(folder.path(), Inputs { puppet: false, ..Inputs::default() });
        if ours.is_ok().to_string() != judged {
            let ours = ours.map_err(|e| said(&e)).err();
            wrong.push(format!("{text:?}: puppet {judged}, ours {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_date_and_an_object_in_hieras_data_are_named_with_their_lines() {
    let date = refusal("", &[("site/data/common.yaml", "a: 1\nb: 2024-01-01\n")]);
    assert!(date.contains("common.yaml:2:") && date.contains("write it in quotes"), "{date}");
    let object = refusal("", &[("site/data/common.yaml", "a: 1\nb: !ruby/regexp /x/\n")]);
    assert!(object.contains("common.yaml:2:") && object.contains("!ruby/regexp"), "{object}");
}

#[test]
fn a_hiera_yaml_is_read_as_puppet_reads_it_when_a_key_is_looked_up() {
    let level = |rest: &str| format!("version: 5\nhierarchy:\n  - name: c\n    {rest}\n");
    let texts = [
        "version: 5\n".to_owned(),
        level("path: common.yaml"),
        level("path: ./common.yaml"),
        level("paths: [common.yaml]"),
        level("path: [common.yaml]"),
        level("paths: common.yaml"),
        level("paths: []"),
        level("paht: common.yaml"),
        level("glob: '*.yaml'"),
        level("path: common.yaml\n    glob: '*.yaml'"),
        level("path: common.yaml\n    data_hash: yaml_data\n    lookup_key: eyaml_lookup_key"),
        level("lookup_key: eyaml_lookup_key\n    path: common.yaml"),
        level("path: common.yaml\n    datadir: data/"),
        level("path: common.yaml\n    datadir: ./data"),
        "version: \"5\"\n".to_owned(),
        "version: 5\nhierachy: []\n".to_owned(),
        "version: 5\nhierarchy: x\n".to_owned(),
        "version: 5\ndefaults: {datadir: data}\nhierarchy:\n  - {name: c, path: common.yaml}\n".to_owned(),
        "version: 5\ndefaults: {datadir: data, data_hash: yaml_data}\nhierarchy:\n  - {name: c, path: common.yaml}\n".to_owned(),
        "version: 5\ndefaults: {data_dir: data}\n".to_owned(),
        "version: 5\nhierarchy:\n  - {path: common.yaml}\n".to_owned(),
        "version: 5\nhierarchy:\n  - {name: c, path: common.yaml}\n  - {name: c, path: common.yaml}\n".to_owned(),
        "version: 5\ndefault_hierarchy:\n  - {name: c, path: common.yaml}\n".to_owned(),
    ];
    let home = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..texts.len()).map(|n| format!("e{n}")).collect();
    let manifest = "notice(lookup('x', default_value => 'none'))\n";
    for (text, name) in texts.iter().zip(&names) {
        let env = home.path().join("envs").join(name);
        std::fs::create_dir_all(env.join("manifests")).unwrap();
        std::fs::create_dir_all(env.join("data")).unwrap();
        std::fs::write(env.join("manifests/site.pp"), manifest).unwrap();
        std::fs::write(env.join("data/common.yaml"), "x: found\n").unwrap();
        std::fs::write(env.join("hiera.yaml"), text).unwrap();
    }
    let mut arguments = vec!["-e", PUPPET_LOOKS_UP, shown(home.path())];
    arguments.extend(names.iter().map(String::as_str));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    compare("hiera.yaml", &texts, &judge("ruby", &arguments));
    // with the package that has the function, it is up to the appliance
    let text = level("lookup_key: eyaml_lookup_key\n    path: common.yaml");
    let files = [("site/data/common.yaml", "x: 1\n"), ("site/hiera.yaml", text.as_str())];
    assert!(
        refusal("", &files)
            .contains("hiera.yaml:4: eyaml_lookup_key needs the package hiera-eyaml")
    );
    let folder = site("[needs]\npackages = [\"hiera-eyaml\"]\n", &files);
    build(folder.path(), Inputs { puppet: false, ..Inputs::default() }).unwrap();
}

#[test]
fn an_environment_conf_that_names_what_is_not_there_is_refused() {
    let said = refusal("", &[("site/environment.conf", "manifest = site.pp\n")]);
    assert!(
        said.contains("environment.conf")
            && said.contains("\"site.pp\", which is not in the bundle"),
        "{said}"
    );
}

fn metadata(name: &str, version: &str, needs: &str) -> String {
    format!(r#"{{"name": "{name}", "version": "{version}", "dependencies": [{needs}]}}"#)
}

#[test]
fn a_modules_dependency_must_be_in_the_bundle_or_excused_with_a_reason() {
    let needs = r#"{"name": "puppetlabs/apt", "version_requirement": ">= 2.0.0 < 8.0.0"}"#;
    let json = metadata("acme-role", "1.0.0", needs);
    let files = [
        ("modules/role/metadata.json", json.as_str()),
        ("modules/role/manifests/init.pp", "class role {}\n"),
    ];
    let text = refusal(MODULES, &files);
    assert!(
        text.contains("role needs puppetlabs-apt >= 2.0.0 < 8.0.0: it is not in the bundle"),
        "{text}"
    );
    let empty = format!("{MODULES}[unmet]\npuppetlabs-apt = \" \"\n");
    assert!(refusal(&empty, &files).contains("gives no reason for puppetlabs-apt"));
    let excused = format!("{MODULES}[unmet]\npuppetlabs-apt = \"no network\"\n");
    build(site(&excused, &files).path(), Inputs::default()).unwrap();
}

#[test]
fn ranges_of_modules_mean_what_puppet_means() {
    let ranges = [
        ">= 4.13.1 < 9.0.0",
        ">=4.2.0 <5.0.0",
        "1.x",
        "~1.2",
        ">= 1.0.0",
        "1.2.3",
        "^2.1.0",
        "1.0.0 - 2.0.0",
        ">1.0.0",
        "<= 2.0.0",
        "4.x || 5.x",
    ];
    let versions = [
        "1.0.0", "1.2.0", "1.2.3", "1.9.9", "2.0.0", "2.1.5", "4.13.1", "4.2.0", "5.0.0", "8.5.0",
        "9.0.0",
    ];
    let script = "require 'puppet'; rs, vs = ARGV.map { |a| a.split(';') }
        rs.each { |r| x = SemanticPuppet::VersionRange.parse(r)
          vs.each { |v| puts x.include?(SemanticPuppet::Version.parse(v)) } }";
    let said = judge("ruby", &["-e", script, &ranges.join(";"), &versions.join(";")]);
    let mut judged = said.lines();
    for range in ranges {
        for version in versions {
            let needs = format!(r#"{{"name": "a/b", "version_requirement": "{range}"}}"#);
            let (one, two) = (metadata("a-x", "1.0.0", &needs), metadata("a-b", version, ""));
            let folder = site(
                MODULES,
                &[("modules/x/metadata.json", &one), ("modules/b/metadata.json", &two)],
            );
            let ours = build(folder.path(), Inputs { puppet: false, ..Inputs::default() }).is_ok();
            assert_eq!(judged.next(), Some(&*ours.to_string()), "{version} in {range}");
        }
    }
}

#[test]
fn a_missing_puppet_is_explained_and_can_be_overridden() {
    let folder = site("", &[]);
    let tools = folder.path().join("bin");
    std::fs::create_dir(&tools).unwrap();
    let git = judge_in(Path::new("/"), "sh", &["-c", "command -v git"]);
    std::os::unix::fs::symlink(git.trim(), tools.join("git")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("slipway").unwrap();
        command.args(["bundle", "build", "site", "--out", "out"]).args(arguments);
        command.current_dir(folder.path()).env("PATH", &tools);
        command.env("SLIPWAY_CACHE", folder.path().join("cache")).output().unwrap()
    };
    let output = run(&[]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("cannot start puppet") && text.contains("--no-puppet-check"), "{text}");
    assert!(run(&["--no-puppet-check"]).status.success());
}

#[test]
fn a_fault_in_site_toml_has_its_place_and_what_was_meant() {
    for (toml, place, says) in [
        ("modle_folders = []\n", "SITE.toml:3:1", "did you mean `module_folders`?"),
        ("[modules]\nx = { pth = \"../x\" }\n", "SITE.toml:4:7", "did you mean `path`?"),
        ("[modules]\nx = {}\n", "SITE.toml:4", "has neither a path nor a package"),
        ("[modules]\nx = \"../x\"\n", "SITE.toml:4:5", "expected struct"),
        ("[[health]]\npath = \"health\"\n", "SITE.toml:4", "is not absolute"),
        ("puppetfile = 5\n", "SITE.toml:3:14", "expected a string"),
    ] {
        let said = refusal(toml, &[]);
        assert!(
            said.contains(place) && said.contains(says) && !said.contains("untagged"),
            "{toml}: {said}"
        );
    }
}

/// A site with one parameter.
fn with_parameter(rest: &str) -> String {
    format!("[parameters.\"role::colour\"]\nabout = \"What is painted.\"\n{rest}")
}

const LEVELS: (&str, &str) = (
    "site/hiera.yaml",
    "version: 5\ndefaults: {datadir: data, data_hash: yaml_data}\nhierarchy:\n  - {name: a, path: common.yaml}\n  - {name: b, path: slipway.yaml}\n",
);

#[test]
fn a_parameters_default_is_what_puppet_looks_up() {
    let toml = with_parameter("type = \"list\"\ndefault = [\"é\", 1, { a = true }]\n");
    let manifest = "unless lookup('role::colour') == ['é', 1, {'a' => true}] { fail('another') }\n";
    let files = [LEVELS, ("site/data/common.yaml", "a: 1\n"), ("site/manifests/site.pp", manifest)];
    let folder = site(&toml, &files);
    let bundle = build(folder.path(), Inputs { puppet: false, ..Inputs::default() }).unwrap();
    assert!(!bundle.manifest.parameters.as_ref().unwrap()["role::colour"].is_needed());
    let release = folder.path().join("envs/release");
    std::fs::create_dir_all(&release).unwrap();
    judge("tar", &["-xzf", shown(&bundle.path), "-C", shown(&release)]);
    // it names the appliance's folders
    std::fs::remove_file(release.join("environment.conf")).unwrap();
    let said = judge("ruby", &["-e", PUPPET_LOOKS_UP, shown(folder.path()), "release"]);
    assert_eq!(said.trim(), "true");
}

#[test]
fn a_parameter_says_one_thing_in_one_place() {
    let text = |rest: &str| with_parameter(&format!("type = \"string\"\n{rest}"));
    let common = ("site/data/common.yaml", "a: 1\n");
    for (toml, files, expected) in [
        (text("default = 1\n"), [LEVELS, common], "SITE.toml:3"),
        (text("default = 2026-11-30\n"), [LEVELS, common], "has a default that cannot be"),
        (text("default = \"a\"\nsecret = true\n"), [LEVELS, common], "is secret and has a default"),
        (text("defalt = \"a\"\n"), [LEVELS, common], "did you mean `default`?"),
        (
            text("default = \"a\"\n"),
            [LEVELS, ("site/data/common.yaml", "a: 1\nrole::colour: b\n")],
            "data/common.yaml:2: \"role::colour\" has a default in SITE.toml, and a value here",
        ),
        (
            text("default = \"a\"\n"),
            [
                ("site/hiera.yaml", "version: 5\nhierarchy:\n  - {name: a, path: common.yaml}\n"),
                common,
            ],
            "hiera.yaml has no level for the default of \"role::colour\"",
        ),
    ] {
        let said = refusal(&toml, &files);
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    let folder =
        site(&text("optional = true\n"), &[LEVELS, ("site/data/common.yaml", "role::colour: b\n")]);
    build(folder.path(), Inputs::default()).unwrap();
    let folder = site("", &[]);
    assert_eq!(build(folder.path(), Inputs::default()).unwrap().manifest.parameters, None);
}
