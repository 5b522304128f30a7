//! Whatever goes into a module comes out of the bundle, file by file: from a folder, a repository,
//! a release. Judges: git, tar.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, proptest};
use slipway::bundle::Inputs;

use crate::bundle::checks::{build, said, site};
use crate::bundle::sources::{git, module, no_puppet};
use crate::common::judge::judge_in;

/// Paths in a module, each with its content and whether it is executable.
type Files = BTreeMap<String, (String, bool)>;

/// Files in places where modules have them, with names that tools tend to lose.
fn files() -> impl Strategy<Value = Files> {
    let folder = prop::sample::select(vec![
        "files",
        "templates",
        "manifests",
        "lib/puppet",
        "data",
        "files/skel",
        "files/.config",
        "spec",
        "examples",
        ".github",
        "",
    ]);
    let name = prop::sample::select(vec![
        ".bashrc",
        ".htaccess",
        ".gitignore",
        ".gitattributes",
        ".env.epp",
        "payload.bin",
        "rel.txt",
        "größe.txt",
        "a b",
        "x~",
        "core",
        "README.md",
        "Rakefile",
        ".DS_Store",
        "CVS",
    ]);
    let content = prop::sample::select(vec!["", "$Format:%H$\n", "$Id$\n", "a\nb\n", "a\r\nb\r\n"]);
    let file = (folder, name, content, any::<bool>());
    prop::collection::vec(file, 1..12).prop_map(|all| {
        let path = |folder: &str, name: &str| {
            format!("{folder}/{name}").trim_start_matches('/').to_owned()
        };
        // the repository's own attributes, and nothing that git ignores
        let rest = all
            .into_iter()
            .filter(|(_, name, ..)| !matches!(*name, ".gitignore" | ".gitattributes"));
        rest.map(|(f, n, c, x)| (path(f, n), (c.to_owned(), x))).collect()
    })
}

/// The files that belong to the module: all except its tests and the hidden files at its top.
fn wanted(files: &Files) -> Files {
    let belongs = |path: &str| {
        let top = path.split('/').next().unwrap();
        !top.starts_with('.') && !["spec", "examples", "Rakefile"].contains(&top)
    };
    files.iter().filter(|(path, _)| belongs(path)).map(|(p, f)| (p.clone(), f.clone())).collect()
}

fn write(folder: &Path, files: &Files) {
    for (path, (content, executable)) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        let mode = if *executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn read(folder: &Path, below: &str, found: &mut Files) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read(&path, &format!("{name}/"), found);
        } else {
            let executable = path.metadata().unwrap().permissions().mode() & 0o100 != 0;
            found.insert(name, (std::fs::read_to_string(&path).unwrap(), executable));
        }
    }
}

/// The files of a bundle's module, as GNU tar unpacks them.
fn came_out(root: &Path, name: &str) -> Files {
    let bundle = build(root, no_puppet()).unwrap_or_else(|e| panic!("{}", said(&e)));
    let to = tempfile::tempdir().unwrap();
    let folder = to.path().display().to_string();
    judge_in(root, "tar", &["-xzf", &bundle.path.display().to_string(), "-C", &folder]);
    let mut found = Files::new();
    read(&to.path().join("modules").join(name), "", &mut found);
    found
}

fn whole() -> (String, (String, bool)) {
    let metadata = r#"{"name": "acme-whole", "version": "1.0.0", "dependencies": []}"#;
    ("metadata.json".to_owned(), (metadata.to_owned(), false))
}

const ATTRIBUTES: &str = "* export-subst ident text eol=crlf\n.* export-ignore\npayload.bin export-ignore\nfiles export-ignore\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_into_a_module_comes_out_of_the_bundle(files in files(), dot in any::<bool>(),
        format in prop::sample::select(vec!["ustar", "gnu", "pax", "v7"])) {
        let files: Files = files.into_iter().chain([whole()]).collect();
        let folder = site("puppetfile = \"../Puppetfile\"\n", &[]);
        let root = folder.path();
        let says = |text: &str| std::fs::write(root.join("Puppetfile"), text).unwrap();

        let own = root.join("own/whole");
        write(&own, &files);
        says("mod 'whole', :local => 'own/whole'\n");
        prop_assert_eq!(came_out(root, "whole"), wanted(&files));

        let repository = root.join("repository");
        write(&repository, &files);
        git(&repository, &["init", "-q", "-b", "main"]);
        git(&repository, &["-c", "core.autocrlf=false", "add", "-A", "-f"]);
        std::fs::write(repository.join(".gitattributes"), ATTRIBUTES).unwrap();
        git(&repository, &["-c", "core.autocrlf=false", "add", "-f", ".gitattributes"]);
        git(&repository, &["commit", "-q", "-m", "one"]);
        says(&format!("mod 'whole', :git => '{}', :ref => 'main'\n", repository.display()));
        prop_assert_eq!(came_out(root, "whole"), wanted(&files));

        let releases = root.join("releases");
        write(&releases.join("acme-whole-1.0.0"), &files);
        let top = if dot { "./acme-whole-1.0.0" } else { "acme-whole-1.0.0" };
        let format = format!("--format={format}");
        judge_in(&releases, "tar", &[&format, "-czf", "acme-whole-1.0.0.tar.gz", top]);
        says("forge 'releases'\nmod 'acme-whole', '1.0.0'\n");
        prop_assert_eq!(came_out(root, "whole"), wanted(&files));
    }
}

#[test]
fn a_submodule_of_a_repository_is_fetched_and_one_that_cannot_be_is_named() {
    let folder = site("puppetfile = \"../Puppetfile\"\n", &[]);
    let root = folder.path();
    for name in ["inner", "deeper", "outer"] {
        module(&root.join(name), &format!("acme-{name}"), "1.0.0");
        git(&root.join(name), &["init", "-q", "-b", "main"]);
    }
    let commit = |name: &str| {
        git(&root.join(name), &["add", "-A"]);
        git(&root.join(name), &["commit", "-q", "-m", "x"]);
    };
    commit("deeper");
    let deeper = root.join("deeper").display().to_string();
    git(&root.join("inner"), &["submodule", "--quiet", "add", &deeper, "files/deeper"]);
    commit("inner");
    // an address relative to the repository's own
    let (outer, inner) = (root.join("outer"), root.join("inner").display().to_string());
    git(&outer, &["submodule", "--quiet", "add", &inner, "files/vendored"]);
    git(&outer, &["config", "-f", ".gitmodules", "submodule.files/vendored.url", "../inner"]);
    // files that no machine needs to converge are not fetched
    git(&outer, &["submodule", "--quiet", "add", &deeper, "spec/fixtures/gone"]);
    git(&outer, &["config", "-f", ".gitmodules", "submodule.spec/fixtures/gone.url", "/nowhere"]);
    commit("outer");
    let text = format!("mod 'outer', :git => '{}', :ref => 'main'\n", outer.display());
    std::fs::write(root.join("Puppetfile"), text).unwrap();
    let found = came_out(root, "outer");
    for path in ["files/vendored/manifests/init.pp", "files/vendored/files/deeper/metadata.json"] {
        assert!(found.contains_key(path), "{path}: {:?}", found.keys());
    }

    git(&outer, &["config", "-f", ".gitmodules", "submodule.files/vendored.url", "/nowhere"]);
    commit("outer");
    let error = said(&build(root, no_puppet()).unwrap_err());
    assert!(error.contains("cannot get the submodule files/vendored from /nowhere"), "{error}");

    // our own clone, in which it was never fetched
    judge_in(root, "git", &["clone", "-q", "outer", "clone"]);
    std::fs::write(root.join("Puppetfile"), "mod 'outer', :local => 'clone'\n").unwrap();
    let error = said(&build(root, no_puppet()).unwrap_err());
    assert!(error.contains("clone/files/vendored") && error.contains("git submodule"), "{error}");
}

#[test]
fn a_release_that_is_no_module_or_another_one_is_refused() {
    let folder = site(
        "puppetfile = \"Puppetfile\"\n",
        &[("site/Puppetfile", "forge '../forge'\nmod 'acme-dot', '1.0.0'\n")],
    );
    let root = folder.path();
    let metadata =
        |name: &str, version: &str| format!(r#"{{"name": "{name}", "version": "{version}"}}"#);
    let cases = [
        (None, "has no metadata.json at its top"),
        (
            Some(metadata("acme-other", "1.0.0")),
            "says in metadata.json that it is acme-other-1.0.0",
        ),
        (Some(metadata("acme-dot", "1.1.0")), "that it is acme-dot-1.1.0"),
        (Some(r#"{"name": "acme-dot"}"#.to_owned()), "metadata has no version"),
        (Some(r#"{"version": "1.0.0"}"#.to_owned()), "metadata has no name"),
    ];
    for (metadata, says) in cases {
        let release = root.join("forge/acme-dot-1.0.0");
        std::fs::create_dir_all(release.join("manifests")).unwrap();
        std::fs::write(release.join("manifests/init.pp"), "class dot {}\n").unwrap();
        if let Some(metadata) = metadata {
            std::fs::write(release.join("metadata.json"), metadata).unwrap();
        }
        judge_in(
            &root.join("forge"),
            "tar",
            &["-czf", "acme-dot-1.0.0.tar.gz", "./acme-dot-1.0.0"],
        );
        std::fs::remove_dir_all(release).unwrap();
        let error = said(&build(root, no_puppet()).unwrap_err());
        assert!(error.contains(says) && error.contains("Puppetfile:2"), "{error}");
    }
    // only the end mark, as an interrupted upload leaves it
    std::fs::write(root.join("empty.tar"), [0; 1024]).unwrap();
    judge_in(root, "sh", &["-c", "gzip -c empty.tar > forge/acme-dot-1.0.0.tar.gz"]);
    assert!(said(&build(root, no_puppet()).unwrap_err()).contains("no metadata.json"));
}

#[test]
fn a_module_without_a_file_that_counts_is_refused() {
    let toml = "module_folders = [\"../modules\"]\n";
    for path in ["modules/x/.gitkeep", "modules/x/spec/x_spec.rb"] {
        let folder = site(toml, &[(path, "")]);
        let error =
            said(&build(folder.path(), Inputs { puppet: false, ..Inputs::default() }).unwrap_err());
        assert!(error.contains("the module x has no files"), "{error}");
    }
}

#[test]
fn a_hidden_file_that_git_ignores_stays_out_and_others_do_not() {
    let folder = site(
        "module_folders = [\"../modules\"]\n",
        &[
            ("modules/x/files/.htaccess", "x"),
            ("modules/x/files/.env", "SECRET=1"),
            ("modules/x/manifests/init.pp", "class x {}\n"),
            ("fetched/y/files/.bashrc", "y"),
            (".gitignore", ".env\nfetched/\n"),
        ],
    );
    let root = folder.path();
    git(root, &["init", "-q", "-b", "main"]);
    assert_eq!(
        came_out(root, "x").into_keys().collect::<Vec<_>>(),
        ["files/.htaccess", "manifests/init.pp"]
    );
    let toml = "site = \"x\"\nversion = \"1.0.0\"\nmodule_folders = [\"../fetched\"]\n";
    std::fs::write(root.join("site/SITE.toml"), toml).unwrap();
    assert!(came_out(root, "y").contains_key("files/.bashrc"));
}
