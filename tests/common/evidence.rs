//! Programs of others that judge what slipway writes about an image: `scripts/judges` installs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn installed(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges").join(path);
    assert!(path.exists(), "{}: run scripts/judges", path.display());
    path
}

/// What `tests/support/judge-evidence.py` says of a file.
pub fn judged(what: &str, files: &[&Path]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/judge-evidence.py");
    let mut python = Command::new(installed("venv/bin/python"));
    python.arg(script).arg(what).args(files).output().unwrap()
}

/// The same of a file that must be good: the lines that it prints.
pub fn accepted(what: &str, files: &[&Path]) -> Vec<String> {
    let output = judged(what, files);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what} {files:?}: {said}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Whether the judge refuses a file's copy with this change.
pub fn refuses(what: &str, file: &Path, more: &[&Path], before: &str, after: &str) -> bool {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(before), "{before}");
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(file.file_name().unwrap());
    std::fs::write(&copy, text.replacen(before, after, 1)).unwrap();
    !judged(what, &[&[copy.as_path()], more].concat()).status.success()
}

/// cosign, which asks no network: neither a log nor a certificate takes part.
pub fn cosign(key: &Path, envelope: &Path, image: &Path) -> Output {
    cosign_of("slsaprovenance1", key, envelope, image)
}

/// The same of a statement with another predicate.
pub fn cosign_of(kind: &str, key: &Path, envelope: &Path, image: &Path) -> Output {
    let mut cosign = Command::new(installed("cosign/usr/bin/cosign"));
    cosign.args(["verify-blob-attestation", "--insecure-ignore-tlog", "--type", kind]);
    cosign.arg("--key").arg(key).arg("--signature").arg(envelope).arg(image);
    // it takes no file over 128 MiB unless it is told to
    cosign.env("COSIGN_MAX_ATTACHMENT_SIZE", "64GB").env("HOME", folder_of(envelope));
    cosign.output().unwrap()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap()
}

/// What kubernetes-validate says of manifests, by the schemas of a version of Kubernetes, unknown keys being errors.
pub fn kubernetes(version: &str, manifests: &Path) -> Output {
    let mut judge = Command::new(installed("venv/bin/kubernetes-validate"));
    judge.args(["--strict", "-k", version]).arg(manifests).output().unwrap()
}
