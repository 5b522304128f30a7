//! A signed package archive of suite noble: Debian's essential packages, and small packages of our
//! own under the names that Ubuntu uses.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The date in its indexes, in seconds since 1970: 2026-06-01.
pub const DATE: i64 = 1_780_272_000;

/// The archive, and two throw-away keys: one that signed it, and another.
pub struct Archive {
    folder: PathBuf,
    names: Vec<String>,
}

impl Archive {
    /// Makes it with all `packages`, and with everything that a minimal system needs.
    pub fn make(folder: &Path, packages: &[String]) -> Self {
        let folder = folder.join("ubuntu");
        let pool = folder.join("pool");
        std::fs::create_dir_all(&pool).unwrap();
        download_essential(&folder.join("apt"), &pool);
        let real: Vec<String> = std::fs::read_dir(&pool)
            .unwrap()
            .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
            .filter_map(|file| Some(file.split_once('_')?.0.to_owned()))
            .collect();
        for name in packages.iter().filter(|name| !real.contains(name)) {
            small_package(&folder, name);
        }
        extra_package(&folder);
        let archive = Self { folder, names: packages.to_vec() };
        archive.index();
        archive.sign();
        archive
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    /// The key that signed it.
    pub fn keyring(&self) -> PathBuf {
        self.folder.join("signer.gpg")
    }

    /// A key that did not.
    pub fn other_keyring(&self) -> PathBuf {
        self.folder.join("other.gpg")
    }

    /// Fails when a definition asks for packages that the archive was not made with.
    pub fn require(&self, packages: &[String]) {
        assert!(packages.iter().all(|package| self.names.contains(package)));
    }

    fn index(&self) {
        let packages = output(
            Command::new("apt-ftparchive").arg("packages").arg("pool").current_dir(&self.folder),
        );
        for suite in ["noble", "noble-updates", "noble-security"] {
            for component in ["main", "universe"] {
                let index = self.folder.join(format!("dists/{suite}/{component}/binary-amd64"));
                std::fs::create_dir_all(&index).unwrap();
                let full = suite == "noble" && component == "main";
                let content = if full { &packages[..] } else { b"" };
                std::fs::write(index.join("Packages"), content).unwrap();
            }
        }
    }

    fn sign(&self) {
        let home = self.folder.join("gnupg");
        std::fs::create_dir(&home).unwrap();
        std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        for name in ["signer", "other"] {
            let mut gpg = gpg(&home);
            run(gpg.args([
                "--passphrase",
                "",
                "--quick-gen-key",
                name,
                "ed25519",
                "sign",
                "never",
            ]));
            let key = output(self::gpg(&home).args(["--export", name]));
            std::fs::write(self.folder.join(format!("{name}.gpg")), key).unwrap();
        }
        for suite in ["noble", "noble-updates", "noble-security"] {
            self.sign_suite(&home, suite);
        }
    }

    fn sign_suite(&self, home: &Path, suite: &str) {
        let folder = self.folder.join("dists").join(suite);
        let mut index = Command::new("apt-ftparchive");
        for (key, value) in [
            ("Suite", suite),
            ("Codename", suite),
            ("Components", "main universe"),
            ("Architectures", "amd64"),
        ] {
            index.arg("-o").arg(format!("APT::FTPArchive::Release::{key}={value}"));
        }
        let release = String::from_utf8(output(index.arg("release").arg(&folder))).unwrap();
        let dated: Vec<&str> = release
            .lines()
            .map(|line| {
                if line.starts_with("Date:") { "Date: Mon, 01 Jun 2026 00:00:00 UTC" } else { line }
            })
            .collect();
        let plain = folder.join("Release");
        std::fs::write(&plain, dated.join("\n") + "\n").unwrap();
        let mut gpg = gpg(home);
        gpg.args(["--local-user", "signer", "--clearsign", "--output"])
            .arg(folder.join("InRelease"));
        run(gpg.arg(&plain));
    }
}

/// Debian's essential and required packages and apt, by apt itself, into an empty root.
fn download_essential(root: &Path, pool: &Path) {
    for part in [
        "etc/apt/apt.conf.d",
        "etc/apt/preferences.d",
        "var/lib/apt/lists/partial",
        "var/lib/dpkg",
        "var/cache/apt/archives/partial",
    ] {
        std::fs::create_dir_all(root.join(part)).unwrap();
    }
    std::fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let source = format!("deb [signed-by={keyring}] http://deb.debian.org/debian bookworm main\n");
    std::fs::write(root.join("etc/apt/sources.list"), source).unwrap();
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.arg("-o").arg(format!("Dir={}", root.display()));
        apt.arg("-o").arg(format!("Dir::State::status={}/var/lib/dpkg/status", root.display()));
        apt.args(["-o", "APT::Architecture=amd64", "-o", "APT::Architectures=amd64"]);
        apt.args(["-o", "Acquire::Languages=none", "-o", "APT::Sandbox::User=", "-qq"]);
        run(apt.args(arguments));
    };
    apt(&["update"]);
    let wanted = "?or(?essential, ?priority(required), ?exact-name(apt), ?exact-name(iproute2), ?exact-name(usrmerge))";
    apt(&["install", "--yes", "--no-install-recommends", "--download-only", wanted]);
    for file in std::fs::read_dir(root.join("var/cache/apt/archives")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            std::fs::rename(&path, pool.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// A package of the given name with a licence and a changelog, and the few programs that the recipe
/// runs.
fn small_package(folder: &Path, name: &str) {
    let root = folder.join("build").join(name);
    let doc = root.join("usr/share/doc").join(name);
    std::fs::create_dir_all(&doc).unwrap();
    std::fs::write(doc.join("copyright"), "free\n").unwrap();
    std::fs::write(doc.join("changelog"), "long\n").unwrap();
    let program = match name {
        "systemd" => Some(("usr/bin/systemctl", "#!/bin/sh\nexit 0\n")),
        "grub-pc-bin" => Some((
            "usr/bin/grub-mkimage",
            "#!/bin/sh\nfor a; do case $a in --prefix=*) p=${a#*=};; --output=*) o=${a#*=};; esac; done\n\
             echo \"core $p\" > \"$o\"\n",
        )),
        _ => None,
    };
    if let Some((path, script)) = program {
        put_program(&root.join(path), script);
    }
    pack(folder, &root, name, "");
}

/// A package that replaces less, reads a file that the layer added before, and starts a service.
fn extra_package(folder: &Path) {
    let root = folder.join("build/slipway-extra");
    put_program(&root.join("etc/init.d/slipway-extra"), "#!/bin/sh\ntouch /etc/extra-started\n");
    let postinst = "#!/bin/sh\nset -e\ncp /etc/extra.conf /etc/extra-saw\n\
        invoke-rc.d slipway-extra start || true\n";
    put_program(&root.join("DEBIAN/postinst"), postinst);
    pack(folder, &root, "slipway-extra", "Conflicts: less\n");
}

fn put_program(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

fn pack(folder: &Path, root: &Path, name: &str, more: &str) {
    let control = format!(
        "Package: {name}\nVersion: 99:1.0\nArchitecture: amd64\nMaintainer: A Test <test@example.org>\n\
         Description: small\n{more}"
    );
    std::fs::create_dir_all(root.join("DEBIAN")).unwrap();
    std::fs::write(root.join("DEBIAN/control"), control).unwrap();
    let target = folder.join("pool").join(format!("{name}_1.0_amd64.deb"));
    run(Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Znone", "--build"])
        .arg(root)
        .arg(target));
}

fn gpg(home: &Path) -> Command {
    let mut gpg = Command::new("gpg");
    gpg.arg("--homedir").arg(home).args(["--batch", "--quiet", "--yes"]);
    gpg
}

fn run(command: &mut Command) {
    output(command);
}

fn output(command: &mut Command) -> Vec<u8> {
    let result = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let stderr = String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success(), "{command:?}: {}\n{stderr}", result.status);
    result.stdout
}
