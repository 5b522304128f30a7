//! Pages in a real Chromium, judged by axe.

use std::path::Path;
use std::process::Command;

/// The names that Chromium and Chrome have.
const PROGRAMS: [&str; 4] =
    ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"];

/// Runs the browser without a window, and without a network; returns what it prints.
pub fn browse(arguments: &[&str]) -> String {
    let profile = tempfile::tempdir().unwrap();
    for program in PROGRAMS {
        let mut command = Command::new(program);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
        command.args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]);
        // any address but the page's own leads nowhere
        command.args(["--host-resolver-rules=MAP * ~NOTFOUND", "--hide-scrollbars"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).args(arguments);
        match command.output() {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            output => {
                let output = output.unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{program}: {said}");
                return String::from_utf8(output.stdout).unwrap();
            }
        }
    }
    panic!("none of {PROGRAMS:?} is here: scripts/install-tools test installs one");
}

/// What axe finds wrong with a page, a line each, on a screen so wide, in its light or its dark colours.
///
/// The page itself lets no script run; the judge is one. So a copy is judged that does.
pub fn axe(page: &str, width: u32, dark: bool) -> Vec<String> {
    let axe = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/target/test-servers/node_modules/axe-core/axe.min.js"
    );
    let axe = std::fs::read_to_string(axe).expect("scripts/test-servers installs axe");
    let policy = "http-equiv=\"Content-Security-Policy\"";
    assert!(page.contains(policy), "the page forbids scripts");
    let page = page.replace(policy, "name=\"policy\"");
    let scheme = if dark { "min-width: 0" } else { "max-width: 0" };
    let page = page.replace("prefers-color-scheme: dark", scheme);
    let judge = "<script>axe.run().then(r => { document.title = 'JUDGED ' + r.violations.map(v => v.id + ': ' + \
                 v.nodes.map(n => n.html.slice(0, 80)).join(' | ')).join(' ;; ') + ' END'; });</script>";
    let page = page.replace("</body>", &format!("<script>{axe}</script>{judge}</body>"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    std::fs::write(&file, page).unwrap();
    let size = format!("--window-size={width},900");
    let address = address(&file);
    let shown = browse(&[&size, "--virtual-time-budget=20000", "--dump-dom", &address]);
    let judged =
        shown.split("<title>JUDGED ").nth(1).unwrap_or_else(|| panic!("axe did not answer"));
    let judged = judged.split(" END").next().unwrap();
    judged.split(" ;; ").filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// A file's address.
pub fn address(file: &Path) -> String {
    format!("file://{}", file.display())
}
