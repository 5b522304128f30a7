//! Runs programs that slipway did not write.

use std::path::Path;
use std::process::Command;

/// Runs a judge, and returns its output if it finds nothing wrong. A missing judge fails the test.
pub fn judge(program: &str, arguments: &[&str]) -> String {
    judge_in(Path::new("."), program, arguments)
}

/// The same, in a folder.
pub fn judge_in(folder: &Path, program: &str, arguments: &[&str]) -> String {
    // an ordinary user's search path lacks the folders with sgdisk and fsck
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PATH", path)
        .output()
        .unwrap_or_else(|e| panic!("the judge {program} does not start: {e}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{text}{errors}", output.status);
    text
}

/// A path as an argument.
pub fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}
