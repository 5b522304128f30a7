//! Bad customers of each kind among twenty good ones.

use std::fs;

use super::{channel, releasing};
use crate::common::small::{bundle, run};
use crate::nightly::{customer, fleet, night, verdicts};

#[test]
#[ignore = "takes long: scripts/night-faults runs it"]
fn twenty_good_customers_are_published_whatever_is_wrong_with_three_others() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = folder.path();
    let good: Vec<String> = (1..=20).map(|number| format!("good{number:02}")).collect();
    let names: Vec<&str> = good.iter().map(String::as_str).collect();
    let policy =
        releasing().replace("which = \"none\"", "customers = [\"dark\"]\ntimeout_seconds = 2");
    fleet(folder, &names, &policy);
    // its machine does not become READY
    customer(folder, "dark", "");
    customer(folder, "wrong", "vcpu = 3\n");
    // a store of its own, with a bundle that no cache has, in which somebody put other bytes under the signed name
    let forged = folder.join("forged");
    fs::create_dir(&forged).unwrap();
    let store = format!("file://{}", forged.display());
    let second = bundle(folder, "2");
    let second = second.to_str().unwrap();
    run(folder, &["bundle", "publish", second, "--to", &store, "--channel", "stable"]);
    let bundles = fs::read_dir(forged.join("bundles/tiny")).unwrap().map(|e| e.unwrap().path());
    for path in bundles.filter(|path| path.extension().is_some_and(|end| end == "tgz")) {
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let mut writable = path.metadata().unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut writable, 0o644);
        fs::set_permissions(&path, writable).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    customer(folder, "forged", "");
    let path = folder.join("profiles/forged.toml");
    let text = fs::read_to_string(&path).unwrap();
    let theirs = crate::common::small::store(folder);
    assert!(text.contains(&theirs), "{text}");
    fs::write(path, text.replace(&theirs, &store)).unwrap();

    let (output, report) = night(folder, &[]);
    assert_eq!(output.status.code(), Some(4));
    let verdicts = verdicts(&report);
    assert_eq!(verdicts.iter().filter(|verdict| verdict.ends_with("built")).count(), 20);
    let bad: Vec<&String> = verdicts.iter().filter(|verdict| verdict.contains("failed")).collect();
    assert_eq!(bad, ["dark failed smoke-bios", "forged failed plan", "wrong failed plan"]);
    for name in names {
        assert_eq!(channel(folder, name).0, 1, "{name} was not published once");
    }
}
