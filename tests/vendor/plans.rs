//! Plans and builds that somebody kept: every later version can read what `slipway plan --json` printed,
//! and the record beside artifacts.

use std::path::Path;

use serde_json::Value;
use slipway::build::{self, Built};
use slipway::plan::Outlook;

use crate::common::small::{bundle, project, publish, run, slipway};

fn printed(folder: &Path) -> Value {
    let output = slipway(folder, &["plan", "tiny", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_is_kept_of_a_plan_and_of_a_build_is_read_back_with_nothing_lost() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    publish(folder, &bundle(folder, "1"));
    let before = printed(folder);
    run(folder, &["build", "tiny"]);
    let (path, built) = build::latest(&folder.join("out"), "tiny").unwrap();
    let kept: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(serde_json::to_value(&built).unwrap(), kept);
    let after = printed(folder);
    for printed in [&before, &after] {
        let read: Outlook = serde_json::from_value(printed.clone()).unwrap();
        assert_eq!(&serde_json::to_value(&read).unwrap(), printed);
    }
    let [before, after] = [before, after].map(|v| serde_json::from_value::<Outlook>(v).unwrap());
    assert_eq!((before.cached, before.missing), (false, vec!["base debian-12".to_owned()]));
    assert_eq!(after.plan.unwrap().profile, before.profile.unwrap());
    assert_eq!((after.cached, after.name.unwrap().starts_with("tiny-1.0.0+b1-")), (true, true));
}

#[test]
fn plans_of_each_released_form_are_read_also_with_more_in_them() {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/plans");
    let read = |name: &str| -> Outlook {
        let text = std::fs::read_to_string(records.join(name)).unwrap();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let plain: Outlook = serde_json::from_value(value.clone()).unwrap();
        for place in ["", "/plan", "/plan/base", "/plan/profile", "/bundle", "/profile"] {
            if let Some(object) = value.pointer_mut(place) {
                object["later"] = serde_json::json!({ "a": [1] });
            }
        }
        let more: Outlook = serde_json::from_value(value).unwrap();
        assert_eq!((&more.plan, &more.profile), (&plain.plan, &plain.profile));
        plain
    };
    let plan = read("cached-1.json").plan.unwrap();
    assert_eq!((plan.format, plan.bundle.version()), (1, "1.0.0+b1"));
    assert_eq!((plan.profile.customer.id.as_str(), plan.base.name.as_str()), ("tiny", "debian-12"));
    assert_eq!(read("missing-1.json").missing, ["base debian-12"]);
    let count = std::fs::read_dir(&records).unwrap().count();
    assert_eq!(count, 2, "each file that lies there is read");
}

#[test]
fn a_build_of_each_released_form_is_read_also_with_more_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../records/builds/built-2.json");
    let plain: Built = serde_json::from_str(text).unwrap();
    let mut value: Value = serde_json::from_str(text).unwrap();
    for place in ["", "/record", "/record/profile", "/record/bundle", "/artifacts/0"] {
        value.pointer_mut(place).unwrap()["later"] = serde_json::json!({ "a": [1] });
    }
    let tiny = folder.path().join("tiny");
    std::fs::create_dir(&tiny).unwrap();
    std::fs::write(tiny.join("built-2.json"), value.to_string()).unwrap();
    let pointer = "{\"record\":\"built-2.json\",\"later\":1}";
    std::fs::write(tiny.join("latest.json"), pointer).unwrap();
    let (path, built) = build::latest(folder.path(), "tiny").unwrap();
    assert_eq!((path, &built), (tiny.join("built-2.json"), &plain));
    assert_eq!(built.record.bundle.release, "tiny-1.0.0+b1");
    let [first, second] = &built.artifacts[..] else { panic!("{built:?}") };
    assert_eq!((first.size.bytes(), first.sha256.is_some()), (2_752_512, true));
    assert_eq!((second.format.name(), second.sha256), ("raw", None));
    assert!(first.cuts.is_empty());
}

#[test]
fn a_build_with_cuts_keeps_them_in_one_line() {
    let text = include_str!("../records/builds/built-2-cut.json");
    let built: Built = serde_json::from_str(text).unwrap();
    assert_eq!(built.artifacts[0].cuts, [65_536, 1_114_112, 1_184_112]);
    let written = serde_json::to_string_pretty(&built).unwrap();
    assert!(written.contains(r#""cuts": "65536 1048576 70000""#), "{written}");
    let wrong = text.replace("70000", "-1");
    assert!(serde_json::from_str::<Built>(&wrong).is_err());
}
