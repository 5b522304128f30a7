//! The report for people: one page that needs no network and no scripts, with the pictures of the consoles in it.

use std::path::Path;

use base64ct::{Base64, Encoding as _};
use serde_json::{Value, json};
use tera::Context;

use super::drawing::{self, duration};
use super::junit::text;
use super::value::{Customer, Report, Run, Totals, Verdict};
use crate::error::Result;
use crate::file;
use crate::fleet::bill::{Change, Changes};
use crate::template::{Language, render};
use crate::units::{ByteSize, MIB};

const TEMPLATE: &str = include_str!("../../../templates/nightly/page.html");
/// A larger picture is left out, in bytes: a console's has some thousand.
const LARGEST: u64 = MIB;
/// So many changes of a kind are listed; the report for programs has all.
const SHOWN: usize = 60;

/// The page; pictures are read from `out`.
pub(super) fn page(report: &Report, out: &Path) -> Result<String> {
    let mut values = Context::new();
    values.insert("night", &report.night);
    values.insert("slipway", &report.slipway);
    values.insert("began", &report.began.to_string().replace('T', " ").replace('Z', " UTC"));
    values.insert("took", &duration(report.seconds));
    values.insert("over", &report.over);
    values.insert("headline", &headline(report.totals));
    values.insert("totals", &report.totals);
    let customers: Vec<Value> = report.customers.iter().map(|c| customer(c, out)).collect();
    values.insert("customers", &customers);
    let began = report.began.seconds as f64;
    values.insert("timeline", &drawing::timeline(&report.jobs, began, report.seconds));
    values.insert("trend", &drawing::trend(&report.trend));
    values.insert("width", &drawing::WIDTH);
    values.insert("height", &drawing::HEIGHT);
    let nights: Vec<Value> = report.trend.iter().rev().map(|night| {
        json!({ "name": night.night, "totals": night.totals, "took": duration(night.seconds) })
    }).collect();
    values.insert("nights", &nights);
    render(Language::Html, "page.html", TEMPLATE, &values)
}

/// One sentence.
fn headline(totals: Totals) -> String {
    let Totals { built, reused, failed, waiting, flaky } = totals;
    let all = built + reused + failed + waiting;
    let mut parts = Vec::new();
    for (count, what) in [(failed, "failed"), (waiting, "not done yet"), (flaky, "flaky")] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    match (parts.is_empty(), built) {
        (true, 0) => format!("All {all} customers are as they were"),
        (true, _) => format!("All {all} customers are good, {built} of them new"),
        (false, _) => {
            format!("{} of {all} customers are good: {}", built + reused, parts.join(", "))
        }
    }
}

fn customer(customer: &Customer, out: &Path) -> Value {
    let verdict = match (customer.verdict, customer.flaky) {
        (Verdict::Failed, _) => "failed",
        (Verdict::Waiting, _) => "waiting",
        (_, true) => "flaky",
        (Verdict::Built, false) => "built",
        (Verdict::Reused, false) => "reused",
    };
    let ready = customer.runs.iter().filter_map(|run| run.boot.as_ref()?.seconds);
    let ready: Vec<String> = ready.map(duration).collect();
    let size: u64 = customer.images.iter().map(|image| image.size).sum();
    let planned = customer.planned.as_ref();
    json!({
        "id": customer.customer,
        "name": planned.map_or(String::new(), |p| text(&p.name)),
        "verdict": verdict,
        "step": customer.failed_at.map(|step| step.name()).unwrap_or_default(),
        "error": customer.error.as_ref().map(|told| text(&told.to_string())).unwrap_or_default(),
        "release": planned.map_or("", |p| &p.release),
        "base": planned.map_or("", |p| &p.base),
        "stem": planned.map_or("", |p| &p.id),
        "published": customer.release.as_ref().map_or("", |release| &release.id),
        "ready": ready.join(", "),
        "size": if size > 0 { ByteSize(size).to_string() } else { String::new() },
        "took": duration(customer.seconds),
        "changed": in_words(&customer.changes),
        "since": customer.changes.since.clone().unwrap_or_default(),
        "changes": [
            list("Apps", &customer.changes.apps),
            list("Puppet modules", &customer.changes.modules),
            list("Packages", &customer.changes.packages),
        ],
        "images": customer.images.iter().map(|image| json!({
            "file": image.file, "size": ByteSize(image.size).to_string(), "sha256": image.sha256,
        })).collect::<Vec<_>>(),
        "runs": customer.runs.iter().map(|run| shown(run, out)).collect::<Vec<_>>(),
    })
}

fn shown(run: &Run, out: &Path) -> Value {
    let boot = run.boot.as_ref();
    json!({
        "step": run.step.name(),
        "good": run.good,
        "reused": run.reused,
        "covered_by": run.covered_by.clone().unwrap_or_default(),
        "summary": boot.map_or(String::new(), |boot| text(&boot.summary)),
        "accelerator": boot.map_or("", |boot| &boot.accelerator),
        "seconds": boot.and_then(|boot| boot.seconds).map(duration).unwrap_or_default(),
        "picture": boot
            .and_then(|boot| Some(out.join(&boot.folder).join(boot.picture.as_ref()?)))
            .and_then(|path| picture(&path))
            .unwrap_or_default(),
    })
}

/// A picture as an address that holds it. One that is gone, or cannot be read, is left out: the page is no evidence, but
/// shows where it is.
fn picture(path: &Path) -> Option<String> {
    let bytes = file::read(path, LARGEST, "cannot read the picture").ok()?;
    Some(format!("data:image/png;base64,{}", Base64::encode_string(&bytes)))
}

fn in_words(changes: &Changes) -> String {
    let kinds = [
        (changes.apps.len(), "app"),
        (changes.modules.len(), "module"),
        (changes.packages.len(), "package"),
    ];
    let parts: Vec<String> = kinds
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
        .collect();
    match (&changes.since, parts.is_empty()) {
        (None, _) => "first night".to_owned(),
        (Some(_), true) => "nothing".to_owned(),
        (Some(_), false) => parts.join(", "),
    }
}

fn list(title: &str, changes: &[Change]) -> Value {
    let line = |change: &Change| match (&change.before, &change.now) {
        (Some(before), Some(now)) => format!("{} {before} → {now}", change.name),
        (None, Some(now)) => format!("{} {now} is new", change.name),
        (_, None) => format!("{} is gone", change.name),
    };
    let lines: Vec<String> = changes.iter().take(SHOWN).map(|c| text(&line(c))).collect();
    json!({ "title": title, "lines": lines, "more": changes.len().saturating_sub(SHOWN) })
}
