//! The Debian package, installed in a root without anything else of ours.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A stranger's first steps, in a root where only the package and its dependencies were installed.
/// Each printed line is a fact that the test checks.
const FIRST_STEPS: &str = r#"
exec 3>&1 >&2
export DEBIAN_FRONTEND=noninteractive HOME=/root/stranger
mkdir -p "$HOME" && cd "$HOME"
apt-get update -qq
apt-get install -y -qq --no-install-recommends /root/slipway.deb
slipway --version >&3
slipway init vendor --example
cd vendor
slipway key new vendor --trust --no-passphrase
slipway check --all
echo "checked: $?" >&3
# everything that a base needs came with the package
slipway doctor >doctor.txt || :
grep -E '^(good|missing) +(mmdebstrap|newuidmap|gpgv) ' doctor.txt | awk '{print $1, $2}' >&3
zcat /usr/share/man/man1/slipway-build.1.gz | grep -c '^\.SH' | sed 's/^/sections: /' >&3
bash -n /usr/share/bash-completion/completions/slipway && echo "completion: $?" >&3
ls -l /usr/bin/slipway | awk '{print "size:", $5}' >&3
dpkg -V slipway && echo "files: intact" >&3
apt-get purge -y -qq slipway
! ls -d /usr/share/*/*slipway* /usr/bin/slipway 2>/dev/null && echo "purged" >&3
"#;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs one of our scripts; returns its output.
fn script(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{shown}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// A root is root's: who is somebody else runs it by sudo, as `scripts/install-tools` installs.
fn as_root(line: &[&str]) -> Command {
    let id = script(Command::new("id").arg("-u"));
    let line = if id.trim() == "0" { line.to_vec() } else { [&["sudo", "-n"], line].concat() };
    let mut command = Command::new(line[0]);
    command.args(&line[1..]);
    command
}

#[test]
#[ignore = "compiles a release, which nothing else in scripts/test needs: CONTRIBUTING.md has the command"]
fn the_debian_package_installs_in_a_fresh_root_and_goes_without_a_trace() {
    let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let made = script(Command::new(repository("scripts/package")).arg(work.path()));
    let package = made.lines().last().unwrap();

    let roots = work.path().join("roots");
    let variable = format!("FRESH_ROOTS={}", roots.display());
    let fresh = repository("scripts/fresh");
    let fresh = |arguments: &[&str]| {
        let program = ["env", &variable, fresh.to_str().unwrap(), "--bare", "bookworm"];
        script(&mut as_root(&[&program, arguments].concat()))
    };
    fresh(&["true"]);
    let target = roots.join("bookworm/root/slipway.deb");
    script(&mut as_root(&["cp", package, target.to_str().unwrap()]));
    let said = fresh(&["bash", "-euc", FIRST_STEPS]);
    // what root made nobody else can remove
    script(&mut as_root(&["rm", "-rf", roots.to_str().unwrap()]));

    let version = env!("CARGO_PKG_VERSION");
    assert!(said.starts_with(&format!("slipway {version} (")), "no commit: {said}");
    for fact in ["checked: 0", "good mmdebstrap", "good newuidmap", "good gpgv"] {
        assert!(said.lines().any(|line| line == fact), "{fact}: {said}");
    }
    for fact in ["completion: 0", "files: intact", "purged"] {
        assert!(said.lines().any(|line| line == fact), "{fact}: {said}");
    }
    let number = |name: &str| {
        let value = said.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        value.trim().parse::<u64>().unwrap()
    };
    assert!(number("sections:") >= 3, "{said}");
    // the manual's promise: a program that can be mailed and copied, not a hundred megabytes
    assert!(number("size:") < 40_000_000, "{said}");
}
