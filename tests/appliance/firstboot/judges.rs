//! Programs that we did not write, and the values that we try on them.

use std::path::Path;
use std::process::{Command, Output};

use slipway::tree::Tree;

/// What people and attackers type, one line each: texts of several lines have their own tests.
pub const HOSTILE: &[&str] = &[
    "$(touch /tmp/owned)",
    "`id`",
    "'; reboot; '",
    "\"; reboot; \"",
    "100% %n %s %H",
    "a\\",
    "${IFS}",
    "ünïcödé 😀",
    "#",
    "&& x | y > z",
    "{{ x }}",
    "{% raw %}",
    "- x: y",
    "!!python/object",
    "%{facts.secret}",
    "../../etc/shadow",
    "a'b\"c\\d$e`f",
    " lead and trail ",
];

/// A file of the tree.
pub fn text(tree: &Tree, path: &str) -> String {
    let bytes = tree.file(path).unwrap_or_else(|| panic!("{path}")).read().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a judge, which must find nothing wrong.
pub fn judge(program: &str, arguments: &[&str], place: &Path) -> Output {
    let output = Command::new(program).args(arguments).current_dir(place).output();
    let output = output.unwrap_or_else(|e| panic!("the judge {program} does not run: {e}"));
    let shown = String::from_utf8_lossy(&output.stdout);
    let also = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}\n{shown}{also}");
    output
}
