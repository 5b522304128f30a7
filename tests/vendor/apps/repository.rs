//! Repositories of apps, made for a test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use slipway::key::{Keyring, SecretKey, Sites, Trust};

use crate::common::judge::{judge_in, shown};

/// A temporary folder with an app's repository in `app`.
pub struct Repository {
    pub folder: tempfile::TempDir,
}

/// The demo vendor's guestbook: one dependency, fourteen packages including indirect ones.
pub fn guestbook() -> Repository {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo-vendor/apps/guestbook");
    let folder = tempfile::tempdir().unwrap();
    judge_in(&source, "cp", &["-r", ".", shown(&folder.path().join("app"))]);
    let repository = Repository { folder };
    let _ = std::fs::remove_dir_all(repository.app().join("node_modules"));
    repository.commit();
    repository
}

/// An app with these files; npm makes the lock file if none is given.
pub fn app(files: &[(&str, &str)]) -> Repository {
    let repository = Repository { folder: tempfile::tempdir().unwrap() };
    for (path, text) in files {
        let path = repository.app().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let locked = repository.app().join("package-lock.json").exists();
    if !locked {
        // some versions of npm copy a dependency that is a folder, and others link it: these tests
        // need one behaviour
        let install = ["install", "--package-lock-only", "--install-links=false"];
        let quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
        judge_in(&repository.app(), "npm", &[&install[..], &quiet].concat());
    }
    repository.commit();
    repository
}

impl Repository {
    pub fn app(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    /// Commits everything. The time is fixed, and so is the commit's id.
    pub fn commit(&self) {
        let git = |args: &[&str]| {
            let output = Command::new("git")
                .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
                .args(args)
                .current_dir(self.app())
                .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
                .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
                .output()
                .unwrap();
            assert!(output.status.success(), "git {args:?}: {output:?}");
        };
        if !self.app().join(".git").exists() {
            git(&["init", "-q", "-b", "main"]);
        }
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", "all", "--allow-empty"]);
    }

    /// What differs from the commit, including ignored files.
    pub fn status(&self) -> String {
        judge_in(&self.app(), "git", &["status", "--porcelain", "--ignored"])
    }

    /// `slipway app`, in the temporary folder, with a key that is trusted for the apps of these
    /// tests.
    pub fn slipway(&self, args: &[&str]) -> Command {
        self.key();
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.arg("app").args(args).current_dir(self.folder.path());
        command.env("SLIPWAY_CACHE", self.folder.path().join("cache"));
        command.env("SLIPWAY_KEYS", self.folder.path().join("keys"));
        command.env("SLIPWAY_TRUST", self.folder.path().join("allowed_signers"));
        command.env_remove("SLIPWAY_KEY_FILE");
        command
    }

    /// The vendor's key, and the trust in it.
    pub fn key(&self) -> (SecretKey, Trust) {
        let keyring = Keyring::new(self.folder.path().join("keys"));
        let file = self.folder.path().join("allowed_signers");
        if keyring.list().unwrap().is_empty() {
            let (_, public) = keyring.make("vendor", None).unwrap();
            let mut trust = Trust::default();
            trust.add(public, Sites::apps(["@acme/ui", "guestbook", "ui"]).unwrap());
            trust.save(&file).unwrap();
        }
        let nobody = &mut || panic!("the key has no passphrase");
        let key = SecretKey::read(&keyring.path("vendor").unwrap(), nobody).unwrap();
        (key, Trust::read(&file).unwrap())
    }

    /// Packs the app; returns the JSON about it.
    pub fn pack(&self, args: &[&str]) -> Value {
        json(&self.slipway(&[&["pack", "app", "--json"], args].concat()).output().unwrap())
    }

    /// The package that `pack` named.
    pub fn file(&self, packed: &Value) -> PathBuf {
        self.folder.path().join(packed["file"].as_str().unwrap())
    }

    /// The message when packing is refused.
    pub fn refusal(&self, args: &[&str]) -> String {
        let output = self.slipway(&[&["pack", "app"], args].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(self.status(), "", "the working tree was touched");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// The JSON output of a program that succeeded.
pub fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
