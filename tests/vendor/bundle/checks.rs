//! What is refused before a bundle is written. Judges: puppet, Ruby's YAML, Puppet's own ranges.

use std::path::Path;

use slipway::bundle::{self, Bundle, Inputs};
use slipway::error::Error;
use slipway::progress::Quiet;

use crate::common::judge::{judge, judge_in, shown};
use crate::common::vendor::TIME;

/// A site's folder with these files, beside what every site has.
pub fn site(toml: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let toml = format!("site = \"x\"\nversion = \"1.0.0\"\n{toml}");
    let fixed = [("site/SITE.toml", toml.as_str()), ("site/manifests/site.pp", "notice('x')\n")];
    for (path, text) in fixed.iter().chain(files) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Builds what [`site`] made.
pub fn build(folder: &Path, inputs: Inputs) -> Result<Bundle, Error> {
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

/// Everything that is said of an error.
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
    // what SITE.toml itself says wrong is refused before there is a folder
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
        ("site/data/common.yaml", "a: 1\nb: [1,\nc: 2\n", "data/common.yaml:3: not valid YAML"),
        (
            "site/data/common.yaml",
            "a: 1\na: 2\n",
            "common.yaml:2: not valid YAML: the key \"a\" is there twice",
        ),
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

#[test]
fn what_we_read_as_hieras_data_ruby_reads_too() {
    let texts = [
        "---\na: 1\n",
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
    ];
    for text in texts {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let script = "require 'yaml'; begin; YAML.parse_file(ARGV[0]).to_ruby(aliases: true) if false; YAML.parse_file(ARGV[0]); puts 'good'; rescue Psych::SyntaxError; puts 'bad'; end";
        let ruby = judge("ruby", &["-e", script, shown(file.path())]).trim() == "good";
        let folder = site("", &[("site/data/common.yaml", text)]);
        let ours = build(folder.path(), Inputs { puppet: false, ..Inputs::default() });
        // what ruby cannot read we refuse; we may be stricter, as with an unknown alias
        assert!(ruby || ours.is_err(), "{text:?}: ruby refuses it");
        let stricter = ["a: *none\n"];
        assert!(
            !ruby || ours.is_ok() || stricter.contains(&text),
            "{text:?}: {}",
            said(&ours.unwrap_err())
        );
    }
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
