//! Plans that somebody kept: every later version can read what `slipway plan --json` printed.

use std::path::Path;

use serde_json::Value;
use slipway::plan::Outlook;

use crate::common::small::{bundle, project, publish, run, slipway};

fn printed(folder: &Path) -> Value {
    let output = slipway(folder, &["plan", "tiny", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_is_printed_of_a_plan_is_read_back_with_nothing_lost() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    publish(folder, &bundle(folder, "1"));
    let before = printed(folder);
    run(folder, &["build", "tiny"]);
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
