//! The demo site's own scripts: vendors copy them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// PostgreSQL's folders on a machine, with stand-ins for the programs that would make a cluster.
struct Postgres(tempfile::TempDir);

impl Postgres {
    fn new() -> Self {
        let postgres = Self(tempfile::tempdir().unwrap());
        let create = "#!/bin/sh\nmkdir -p \"$POSTGRESQL_HOME/15/main/global\" \"$POSTGRESQL_CONF/15/main\"\n\
            echo new >\"$POSTGRESQL_HOME/15/main/PG_VERSION\"\n: >\"$POSTGRESQL_HOME/15/main/global/pg_control\"\n";
        for (name, text) in
            [("pg_createcluster", create), ("systemctl", "#!/bin/sh\n"), ("sync", "#!/bin/sh\n")]
        {
            let file = postgres.path(&format!("bin/{name}"));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&file, mode).unwrap();
        }
        fs::create_dir_all(postgres.path("data/15")).unwrap();
        postgres
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn make(&self, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples/demo-vendor/modules/profile/files/make-cluster");
        Command::new("sh")
            .arg(script)
            .args(arguments)
            .env("POSTGRESQL_HOME", self.path("data"))
            .env("POSTGRESQL_CONF", self.path("conf"))
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .output()
            .unwrap()
    }

    /// A cluster with somebody's data; `used` says that a server has run on it.
    fn with_data(&self, used: bool) {
        fs::create_dir_all(self.path("data/15/main/global")).unwrap();
        fs::create_dir_all(self.path("conf/15/main")).unwrap();
        let files = ["PG_VERSION", "global/pg_control", "customers"];
        for file in files.iter().chain(used.then_some(&"postmaster.opts")) {
            fs::write(self.path("data/15/main").join(file), "old").unwrap();
        }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

#[test]
fn a_cluster_is_made_once_and_marked() {
    let postgres = Postgres::new();
    assert!(!postgres.make(&["--check", "15", "main"]).status.success());
    assert!(postgres.make(&["15", "main"]).status.success());
    assert!(postgres.make(&["--check", "15", "main"]).status.success());
    assert_eq!(postgres.read("data/15/main/PG_VERSION"), "new\n");
}

#[test]
fn a_database_that_was_in_use_survives_the_loss_of_its_mark() {
    let postgres = Postgres::new();
    postgres.with_data(true);
    assert!(postgres.make(&["15", "main"]).status.success());
    assert_eq!(postgres.read("data/15/main/customers"), "old");
    assert!(postgres.make(&["--check", "15", "main"]).status.success());
}

#[test]
fn a_database_that_was_in_use_and_is_damaged_is_left_alone_with_a_remedy() {
    for lost in ["data/15/main/PG_VERSION", "data/15/main/global/pg_control"] {
        let postgres = Postgres::new();
        postgres.with_data(true);
        fs::remove_file(postgres.path(lost)).unwrap();
        let output = postgres.make(&["15", "main"]);
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("restore a backup"));
        assert_eq!(postgres.read("data/15/main/customers"), "old");
        assert!(!postgres.make(&["--check", "15", "main"]).status.success());
    }
}

#[test]
fn what_has_a_version_is_moved_aside_and_never_deleted() {
    let postgres = Postgres::new();
    for count in 1..=3 {
        postgres.with_data(false);
        let _ = fs::remove_file(postgres.path("data/15/.main.made"));
        assert!(postgres.make(&["15", "main"]).status.success(), "{count}");
        let aside = format!("data/15/main.unfinished-{count}/customers");
        assert_eq!(postgres.read(&aside), "old");
        assert_eq!(postgres.read("data/15/main/PG_VERSION"), "new\n");
    }
    postgres.with_data(false);
    let output = postgres.make(&["15", "main"]);
    assert!(!output.status.success(), "they would fill the disk");
    assert_eq!(postgres.read("data/15/main/customers"), "old");
}

#[test]
fn half_of_a_cluster_without_a_version_goes() {
    let postgres = Postgres::new();
    fs::create_dir_all(postgres.path("data/15/main/base")).unwrap();
    assert!(postgres.make(&["15", "main"]).status.success());
    assert!(!postgres.path("data/15/main/base").exists());
}
