//! A signed archive with nothing but names: enough for apt to say what exists, but nothing can be
//! installed from it. Judges: apt-ftparchive and gpg write what apt reads.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the archive is, and the key that signed it.
pub struct Index {
    folder: PathBuf,
}

impl Index {
    /// Makes it in `folder`, with suites named as in Debian.
    pub fn make(folder: &Path, suites: &[&str], names: &[String]) -> Self {
        let index = Self { folder: folder.to_owned() };
        std::fs::create_dir_all(folder.join("gnupg")).unwrap();
        run(Command::new("chmod").arg("0700").arg(folder.join("gnupg")));
        let mut key = index.gpg();
        key.args(["--passphrase", "", "--quick-gen-key", "signer", "ed25519", "sign", "never"]);
        run(&mut key);
        let mut export = index.gpg();
        run(export.args(["--output"]).arg(index.keyring()).args(["--export", "signer"]));
        for suite in suites {
            index.suite(suite, names);
        }
        index
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    /// The key that signed it.
    pub fn keyring(&self) -> PathBuf {
        self.folder.join("signer.gpg")
    }

    /// Signs a suite that has these names from now on.
    pub fn suite(&self, suite: &str, names: &[String]) {
        let folder = self.folder.join("dists").join(suite);
        let binary = folder.join("main/binary-amd64");
        std::fs::create_dir_all(&binary).unwrap();
        let record = |name: &String| {
            format!(
                "Package: {name}\nVersion: 1.0\nArchitecture: amd64\nFilename: pool/{name}.deb\nSize: 1\n\
                 SHA256: {:064}\nProvides: virtual-{name}\nDescription: small\n\n",
                0
            )
        };
        std::fs::write(binary.join("Packages"), names.iter().map(record).collect::<String>())
            .unwrap();
        for old in ["Release", "InRelease"] {
            let _ = std::fs::remove_file(folder.join(old));
        }
        let mut release = Command::new("apt-ftparchive");
        for (key, value) in [
            ("Suite", suite),
            ("Codename", suite),
            ("Components", "main"),
            ("Architectures", "amd64"),
        ] {
            release.arg("-o").arg(format!("APT::FTPArchive::Release::{key}={value}"));
        }
        let text = run(release.arg("release").arg(&folder));
        std::fs::write(folder.join("Release"), text).unwrap();
        let mut sign = self.gpg();
        sign.args(["--local-user", "signer", "--clearsign", "--output"]);
        run(sign.arg(folder.join("InRelease")).arg(folder.join("Release")));
    }

    fn gpg(&self) -> Command {
        let mut gpg = Command::new("gpg");
        gpg.arg("--homedir").arg(self.folder.join("gnupg")).args(["--batch", "--quiet", "--yes"]);
        gpg
    }
}

fn run(command: &mut Command) -> Vec<u8> {
    let result = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let stderr = String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success(), "{command:?}: {}\n{stderr}", result.status);
    result.stdout
}
