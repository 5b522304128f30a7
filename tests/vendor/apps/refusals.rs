//! What `slipway app pack` refuses, and what it says about it.

use std::os::unix::fs::PermissionsExt;

use crate::apps::repository::{Repository, app, json};
use crate::common::judge::{judge, judge_in};

const PACKAGE: &str = r#"{"name": "ui", "version": "1.0.0"}"#;
const LOCK: &str = r#"{"name": "ui", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "ui", "version": "1.0.0"}}}"#;

#[test]
fn an_app_without_a_lock_file_is_told_to_commit_one() {
    let repository = app(&[("package.json", PACKAGE)]);
    std::fs::remove_file(repository.app().join("package-lock.json")).unwrap();
    repository.commit();
    let said = repository.refusal(&[]);
    assert!(
        said.contains("the app has no package-lock.json, and no npm-shrinkwrap.json"),
        "{said}"
    );
    assert!(said.contains("run `npm install` once and commit the file"), "{said}");
}

#[test]
fn a_package_of_a_workspace_is_named_as_one() {
    let root = r#"{"name": "root", "private": true, "workspaces": ["packages/*"]}"#;
    let repository = app(&[("package.json", root), ("packages/ui/package.json", PACKAGE)]);
    let output = repository.slipway(&["pack", "app/packages/ui"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the app is a package of the workspace"), "{said}");
    assert!(said.contains("--workspaces=false"), "{said}");
}

#[test]
fn a_dependency_that_npm_would_link_is_refused_before_npm_leaves_it_out() {
    let package = r#"{"name": "ui", "version": "1.0.0", "dependencies": {"util": "file:util"}}"#;
    let util = r#"{"name": "util", "version": "1.0.0"}"#;
    let repository = app(&[("package.json", package), ("util/package.json", util)]);
    let said = repository.refusal(&[]);
    assert!(
        said.contains("package-lock.json: the dependency util is a workspace package"),
        "{said}"
    );
}

#[test]
fn a_package_without_name_or_version_is_told_which_it_lacks() {
    for (text, lacks) in [(r#"{"version": "1.0.0"}"#, "name"), (r#"{"name": "ui"}"#, "version")] {
        let repository = app(&[("package.json", text), ("package-lock.json", LOCK)]);
        let said = repository.refusal(&[]);
        assert!(said.contains(&format!("app/package.json: package.json has no {lacks}")), "{said}");
    }
    let repository = app(&[("package.json", "{\n \"name\": }"), ("package-lock.json", LOCK)]);
    let said = repository.refusal(&[]);
    assert!(said.contains("line 2 column"), "{said}");
}

#[test]
fn a_failing_test_is_shown_and_stops_the_packing() {
    let package = r#"{"name": "ui", "version": "1.0.0", "scripts": {"test": "echo the sum is wrong; exit 3"}}"#;
    let repository = app(&[("package.json", package)]);
    let said = repository.refusal(&[]);
    assert!(said.contains("the app's tests failed") && said.contains("the sum is wrong"), "{said}");
    assert!(!repository.folder.path().join("out/apps/ui-1.0.0.tgz").exists());
    let packed = repository.pack(&["--no-test"]);
    assert_eq!(packed["tested"], false);
}

#[test]
fn a_lock_file_that_lags_behind_package_json_is_explained() {
    let package = r#"{"name": "ui", "version": "1.0.0", "dependencies": {"xtend": "4.0.2"}}"#;
    let repository = app(&[("package.json", package), ("package-lock.json", LOCK)]);
    let said = repository.refusal(&[]);
    assert!(said.contains("npm ci failed") && said.contains("Missing: xtend@4.0.2"), "{said}");
    assert!(said.contains("run `npm install` and commit package-lock.json"), "{said}");
}

#[test]
fn a_dependency_that_wants_to_be_compiled_is_refused_by_name() {
    let package = r#"{"name": "ui", "version": "1.0.0", "dependencies": {"unix-dgram": "2.0.6"}}"#;
    let repository = app(&[("package.json", package)]);
    let said = repository.refusal(&[]);
    assert!(
        said.contains("package/node_modules/unix-dgram needs a module compiled for linux-x64"),
        "{said}"
    );
}

#[test]
fn a_registry_that_cannot_be_reached_is_the_networks_fault() {
    let package = r#"{"name": "ui", "version": "1.0.0", "dependencies": {"xtend": "4.0.2"}}"#;
    let repository = app(&[("package.json", package)]);
    let npmrc = "registry=http://127.0.0.1:9/\nfetch-retries=0\n";
    std::fs::write(repository.app().join(".npmrc"), npmrc).unwrap();
    repository.commit();
    let mut command = repository.slipway(&["pack", "app"]);
    command.env("npm_config_cache", repository.folder.path().join("empty"));
    let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(said.contains("npm ci failed") && said.contains("check the network"), "{said}");
}

/// Files that git ignores are not part of a package, whoever runs the program and from wherever.
fn with_a_secret() -> Repository {
    app(&[
        ("package.json", PACKAGE),
        ("index.js", ""),
        (".gitignore", ".env\n"),
        (".env", "PASSWORD=x\n"),
    ])
}

#[test]
fn where_git_refuses_to_speak_there_is_no_other_list_of_files() {
    let repository = with_a_secret();
    // the real git, with its own test switch that makes the folder somebody else's
    let bin = repository.folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let git = judge("sh", &["-c", "command -v git"]);
    let wrapper =
        format!("#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {} \"$@\"\n", git.trim());
    std::fs::write(bin.join("git"), wrapper).unwrap();
    std::fs::set_permissions(bin.join("git"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = repository.slipway(&["pack", "app"]).env("PATH", path).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("dubious ownership") && said.contains("safe.directory"), "{said}");
    assert!(!repository.folder.path().join("out/apps/ui-1.0.0.tgz").exists());

    std::fs::remove_file(repository.app().join(".git/HEAD")).unwrap();
    let output = repository.slipway(&["pack", "app"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("not a git repository"), "{said}");
    assert!(!repository.folder.path().join("out/apps/ui-1.0.0.tgz").exists());
}

#[test]
fn the_folders_own_repository_counts_whatever_a_hooks_variables_say() {
    let (repository, other) = (with_a_secret(), app(&[("package.json", PACKAGE)]));
    let mut command = repository.slipway(&["pack", "app", "--json"]);
    let elsewhere = other.app().join(".git");
    command.env("GIT_DIR", &elsewhere).env("GIT_WORK_TREE", other.app());
    command.env("GIT_INDEX_FILE", elsewhere.join("index"));
    command.env("GIT_CEILING_DIRECTORIES", repository.folder.path());
    let packed = json(&command.output().unwrap());
    let names = judge("tar", &["-tzf", repository.file(&packed).to_str().unwrap()]);
    assert!(names.contains("package/index.js") && !names.contains(".env"), "{names}");
    let head = judge_in(&repository.app(), "git", &["rev-parse", "HEAD"]);
    assert_eq!(packed["commit"], head.trim());
}
