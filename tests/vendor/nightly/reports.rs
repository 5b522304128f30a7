//! What a night writes is read by programs that we did not write: a JSON Schema's judge, junitparser, Chromium with axe.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use slipway::error::Kind;
use slipway::fleet::{Ground, Report};

use super::{customer, fleet, night};
use crate::common::browser::{address, axe, browse};
use crate::common::judge::judge;
use crate::common::small::slipway;

fn python() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/test-servers/venv/bin/python")
        .display()
        .to_string()
}

fn support(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(name).display().to_string()
}

/// What a judge of JSON Schema says of each document.
fn judged(schema: &serde_json::Value, documents: &[&serde_json::Value]) -> Vec<String> {
    let mut child = Command::new("python3")
        .arg(support("judge-schema.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for value in std::iter::once(&schema).chain(documents) {
        writeln!(input, "{value}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A night with a customer that fails at its plan, and one whose machine does not become READY (twice).
fn failing(folder: &Path) -> serde_json::Value {
    let policy = "[smoke]\ntimeout_seconds = 2\n[limits]\nfree_disk = \"1 MiB\"\n";
    fleet(folder, &["dark"], policy);
    customer(
        folder,
        "wrong",
        "vcpu = 3\n[access]\nname = \"<script>alert(1)</script> & \\u0007\"\n",
    );
    let (output, report) = night(folder, &[]);
    assert_eq!(output.status.code(), Some(4));
    report
}

#[test]
fn a_machine_that_does_not_become_ready_is_tried_twice_and_all_reports_say_so() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = folder.path();
    let report = failing(folder);
    assert_eq!(super::verdicts(&report), ["dark failed smoke-bios", "wrong failed plan"]);
    let smokes =
        report["jobs"].as_array().unwrap().iter().filter(|job| job["step"] == "smoke-bios");
    let attempts: Vec<_> = smokes.map(|job| job["attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 2]);
    let dark = &report["customers"][0];
    assert!(dark["error"]["message"].as_str().unwrap().starts_with("timed out"), "{dark}");
    let nightly = folder.join("out/nightly");
    let night = report["night"].as_str().unwrap();
    assert!(nightly.join(night).join("first-dark-smoke-bios/report.json").is_file());

    let schema = slipway(folder, &["schema", "--nightly-report"]).output().unwrap().stdout;
    let mut damaged = report.clone();
    damaged["customers"][0]["verdict"] = "fine".into();
    let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
    let judged = judged(&schema, &[&report, &damaged]);
    assert!(judged[0] == "good" && judged[1].contains("fine"), "{judged:?}");
    let read =
        judge(&python(), &[&support("read-junit.py"), nightly.join("junit.xml").to_str().unwrap()]);
    let lines: Vec<&str> = read.lines().collect();
    assert_eq!(
        lines,
        [
            "dark plan passed",
            "dark build passed",
            "dark lint passed",
            "dark smoke-bios failure",
            "wrong plan failure",
            "5 tests, 2 failures, 0 errors"
        ]
    );
    let page = std::fs::read_to_string(nightly.join("index.html")).unwrap();
    assert!(page.contains("0 of 2 customers are good: 2 failed"), "{page}");
    assert!(
        page.contains("data:image/png;base64,") && !page.contains("<script"),
        "a picture, and no scripts"
    );
    let fetches = ["http:", "https:", "<link", "@import", "url("];
    assert!(!fetches.iter().any(|word| page.contains(word)), "nothing is fetched from anywhere");
}

/// A night's report with all that a page can show; names and errors that would be tags, if they were not text.
fn rich() -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/nights/report-1.json");
    Report::parse(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_page_of_a_night_is_readable_for_everybody_on_a_phone_and_in_the_dark() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(&rich(), folder.path());
    for part in ["1 flaky", "guestbook 1.0.0 → 1.1.0", "&lt;script&gt;", "acme was booted for it"]
    {
        assert!(page.replace("</a>", "").contains(part) || page.contains(part), "{part}");
    }
    for (width, dark) in [(1200, false), (1200, true), (390, false)] {
        assert_eq!(axe(&page, width, dark), Vec::<String>::new(), "{width} {dark}");
    }
    // the judge sees what is wrong
    let bad = page.replace("lang=\"en\"", "");
    assert!(axe(&bad, 1200, false).iter().any(|line| line.starts_with("html-has-lang")));
    if let Some(picture) = std::env::var_os("UPDATE_PICTURE") {
        let file = folder.path().join("index.html");
        std::fs::write(&file, &page).unwrap();
        let to = format!("--screenshot={}", Path::new(&picture).display());
        browse(&["--window-size=1000,760", &to, &address(&file)]);
    }
}

/// The page that is saved, with the pictures below `out`.
fn page(report: &Report, out: &Path) -> String {
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/console.png");
    let boots = report.customers.iter().flat_map(|c| &c.runs).filter_map(|run| run.boot.as_ref());
    for boot in boots.filter(|boot| boot.seconds.is_some()) {
        let folder = out.join(&boot.folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(&picture, folder.join(boot.picture.as_ref().unwrap())).unwrap();
    }
    let ground = Ground::of(out);
    ground.make(&report.night).unwrap();
    report.save(&ground, out).unwrap();
    std::fs::read_to_string(ground.path().join("index.html")).unwrap()
}

#[test]
fn a_report_of_every_released_form_is_read_and_of_no_later_one() {
    let report = rich();
    assert_eq!(report.totals.flaky, 1);
    let mut later = serde_json::to_value(&report).unwrap();
    later["format"] = 2.into();
    assert_eq!(Report::parse(later.to_string().as_bytes()).unwrap_err().kind(), Kind::Refused);
    // fields that later versions add pass
    later["format"] = 1.into();
    later["weather"] = "fine".into();
    assert_eq!(Report::parse(later.to_string().as_bytes()).unwrap(), report);
    let journal =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/nights/journal-1.jsonl");
    assert!(slipway::fleet::read(&journal).unwrap().len() > 5);
}
