//! The demo of this repository, as it comes with the program.

use super::Start;

macro_rules! vendor {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../examples/demo-vendor/", $path)))),*]
    };
}

macro_rules! example {
    ($($path:literal),* $(,)?) => {
        &[
            ("profiles/demo.toml", include_str!("../../profiles/demo.toml")),
            $(($path, include_str!(concat!("../../examples/demo-vendor/", $path)))),*
        ]
    };
}

const SMALL: &[(&str, &str)] = vendor![
    "sites/tiny/SITE.toml",
    "sites/tiny/data/common.yaml",
    "sites/tiny/hiera.yaml",
    "sites/tiny/manifests/site.pp",
];

const EXAMPLE: &[(&str, &str)] = example![
    "apps/guestbook/.gitignore",
    "apps/guestbook/lib/app.js",
    "apps/guestbook/lib/page.js",
    "apps/guestbook/lib/store.js",
    "apps/guestbook/package-lock.json",
    "apps/guestbook/package.json",
    "apps/guestbook/server.js",
    "apps/guestbook/test/app.test.js",
    "apps/guestbook/test/store.test.js",
    "modules/profile/files/guestbook.service",
    "modules/profile/files/logrotate",
    "modules/profile/files/make-cluster",
    "modules/profile/manifests/base.pp",
    "modules/profile/manifests/database.pp",
    "modules/profile/manifests/guestbook.pp",
    "modules/profile/manifests/own_database.pp",
    "modules/profile/manifests/web.pp",
    "modules/profile/metadata.json",
    "modules/profile/templates/guestbook.env.epp",
    "modules/profile/templates/guestbook.nginx.epp",
    "modules/profile/templates/limits.conf.epp",
    "modules/profile/templates/timesyncd.conf.epp",
    "modules/role/manifests/guestbook.pp",
    "modules/role/manifests/guestbook_front.pp",
    "modules/role/metadata.json",
    "sites/demo/SITE.toml",
    "sites/demo/data/common.yaml",
    "sites/demo/data/os/Debian-12.yaml",
    "sites/demo/environment.conf",
    "sites/demo/hiera.yaml",
    "sites/demo/manifests/site.pp",
];

/// Paths in a new project, and what is there.
pub(super) fn files(start: Start) -> &'static [(&'static str, &'static str)] {
    match start {
        Start::Small => SMALL,
        Start::Example => EXAMPLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::process::Command;

    /// What the repository has below a folder of the demo vendor's.
    fn committed(folders: &[&str]) -> BTreeSet<String> {
        let vendor = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo-vendor");
        let mut command = Command::new("git");
        command.args(["ls-files", "--cached", "--others", "--exclude-standard"]).args(folders);
        let output = command.current_dir(vendor).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_file_of_the_demo_comes_with_the_program() {
        for (start, folders) in [
            (Start::Small, &["sites/tiny"][..]),
            (Start::Example, &["apps", "modules", "sites/demo"]),
        ] {
            let paths = files(start).iter().map(|(path, _)| (*path).to_owned());
            let ours: BTreeSet<_> = paths.filter(|path| !path.starts_with("profiles/")).collect();
            assert_eq!(ours, committed(folders));
        }
    }
}
