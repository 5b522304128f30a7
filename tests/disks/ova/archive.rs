//! The archive as tar, expat, COT (Cisco's Common OVF Tool) and dissect.hypervisor read it.

use std::path::Path;

use serde_json::{Value, json};
use slipway::format::{self, About, GuestOs, Job, Machine, Settings, Wanted};
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::units::{ByteSize, Digest, GIB, MIB};

use super::{artifact, disk, judge, reader, shown, written};

/// The result of the judge with the readers.
fn judged(folder: &Path, arguments: &[&str]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/disks/ova/judge.py");
    let text = judge(folder, &reader("python"), &[&[script], arguments].concat());
    serde_json::from_str(&text).unwrap()
}

fn write(machine: &Machine, digests: bool, folder: &Path) -> format::Written {
    let disk = disk();
    let job = Job { disk: &disk, machine, cache: None, digests, threads: artifact::THREADS };
    let wanted = Wanted { format: Format::Ova, path: folder.join("a.ova") };
    format::write(&job, &[wanted], &Quiet).unwrap().remove(0)
}

#[test]
fn image_builder_431_the_description_is_the_archive_s_first_member() {
    let folder = tempfile::tempdir().unwrap();
    let ova = written(Format::Ova, folder.path());
    let names = judge(folder.path(), "tar", &["-tf", shown(&ova)]);
    let expected = ["demo-1.0.0.ovf", "demo-1.0.0-disk1.vmdk", "demo-1.0.0.mf"];
    assert_eq!(names.lines().collect::<Vec<_>>(), expected);
    let long = judge(folder.path(), "tar", &["--numeric-owner", "--utc", "-tvf", shown(&ova)]);
    for line in long.lines() {
        assert!(line.starts_with("-rw-r--r-- 0/0 "), "{long}");
        assert!(line.contains(" 2023-11-14 22:13 "), "{long}");
    }
}

#[test]
fn home_assistant_826_and_1674_the_manifest_is_what_vmware_parses_and_is_true() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let ova = written(Format::Ova, at);
    judge(at, "tar", &["-xf", shown(&ova)]);
    let manifest = std::fs::read_to_string(at.join("demo-1.0.0.mf")).unwrap();
    let mut sums = String::new();
    for line in manifest.lines() {
        let (name, digest) = line.strip_prefix("SHA256(").unwrap().split_once(")= ").unwrap();
        sums += &format!("{digest}  {name}\n");
    }
    std::fs::write(at.join("sums"), sums).unwrap();
    let verdict = judge(at, "sha256sum", &["--check", "--strict", "sums"]);
    assert_eq!(verdict, "demo-1.0.0.ovf: OK\ndemo-1.0.0-disk1.vmdk: OK\n");
}

#[test]
fn the_disk_in_the_archive_is_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (raw, ova) = (written(Format::Raw, at), written(Format::Ova, at));
    judge(at, "tar", &["-xf", shown(&ova)]);
    let vmdk = "demo-1.0.0-disk1.vmdk";
    judge(at, "qemu-img", &["check", "-f", "vmdk", vmdk]);
    judge(at, "qemu-img", &["compare", "-f", "raw", "-F", "vmdk", shown(&raw), vmdk]);
    let found = judged(at, &[shown(&ova), shown(&raw)]);
    assert_eq!(found["href"], vmdk);
    assert_eq!((&found["equal"], &found["size"]), (&json!(true), &json!(disk().size())));
    assert_eq!(found["file"]["size"], found["members"][1][1].to_string());
    assert_eq!(found["disk"]["capacity"], disk().size().to_string());
    assert_eq!(found["disk"]["populatedSize"], (53 * 65536).to_string());
}

#[test]
fn the_description_says_what_the_machine_is() {
    let folder = tempfile::tempdir().unwrap();
    let found = judged(folder.path(), &[shown(&written(Format::Ova, folder.path()))]);
    assert_eq!(found["os"], json!(["96", "debian10_64Guest"]));
    assert_eq!(found["transport"], "com.vmware.guestInfo iso");
    let items = &found["items"];
    assert_eq!(items["3"]["VirtualQuantity"], "2");
    assert_eq!(items["4"]["VirtualQuantity"], "2048");
    assert_eq!(items["6"]["ResourceSubType"], "lsilogic");
    assert_eq!(items["17"]["Parent"], items["6"]["InstanceID"]);
    let keys: Vec<_> = found["properties"].as_object().unwrap().keys().collect();
    let expected = ["address", "admin_keys", "dns", "gateway", "hostname", "ntp", "proxy"];
    assert_eq!(keys, expected.map(|key| format!("slipway.{key}")).each_ref());
    assert!(found["properties"].as_object().unwrap().values().all(|p| p[0] == ""));
}

/// Its verdict on the digests does not count: it assumes SHA-1 for every manifest beside an OVF 1.
#[test]
fn cot_reads_the_archive_and_its_description() {
    let folder = tempfile::tempdir().unwrap();
    let ova = written(Format::Ova, folder.path());
    let shown = judge(folder.path(), &reader("cot"), &["info", "--verbose", shown(&ova)]);
    for text in ["Demo", "demo-1.0.0-disk1.vmdk", "vmx-13", "slipway.hostname", "97 MiB"] {
        assert!(shown.contains(text), "{text}:\n{shown}");
    }
}

#[test]
fn no_name_breaks_the_description() {
    let hostile = "A&B <\"q\"> ']]> \u{e9}\u{4e2d}\u{1F600} -->\t%s $(id)";
    let machine = Machine {
        name: format!("../{hostile}"),
        title: format!("../{hostile}"),
        product: hostile.into(),
        about: About {
            vendor: format!("{hostile}\u{1}\u{0}"),
            notes: format!("{hostile}\n{hostile}"),
            product_url: hostile.into(),
            app_url: hostile.into(),
        },
        full_version: "<!-- ".into(),
        os: GuestOs::Ubuntu,
        settings: Some(Settings { hostname: hostile.into(), ..Settings::default() }),
        ..artifact::machine()
    };
    let folder = tempfile::tempdir().unwrap();
    let written = write(&machine, true, folder.path());
    let found = judged(folder.path(), &[shown(&written.path)]);
    assert_eq!(found["product"], hostile);
    assert_eq!(found["vendor"], format!("{hostile}\u{FFFD}\u{FFFD}"));
    assert_eq!((&found["name"], &found["id"]), (&json!(machine.title), &json!(machine.title)));
    assert_eq!(found["annotation"], format!("{hostile}\n{hostile}"));
    assert_eq!((&found["product_url"], &found["app_url"]), (&json!(hostile), &json!(hostile)));
    assert_eq!(found["os"][0], "94");
    let description = &found["properties"]["slipway.hostname"][1];
    assert!(description.as_str().unwrap().contains(hostile));
    let names = judge(folder.path(), "tar", &["-tf", shown(&written.path)]);
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+\n".contains(c);
    assert!(names.chars().all(plain) && names.starts_with("x.._"), "{names}");
}

#[test]
fn the_digest_is_the_file_s_and_none_is_worked_out_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let with = write(&artifact::machine(), true, folder.path());
    let bytes = std::fs::read(&with.path).unwrap();
    assert_eq!((with.digest, with.size), (Some(Digest::of(&bytes)), bytes.len() as u64));
    let without = write(&artifact::machine(), false, folder.path());
    assert_eq!(without.digest, None);
    assert_eq!(std::fs::read(&without.path).unwrap(), bytes, "and the same bytes again");
}

#[test]
fn equal_plans_give_equal_archives_and_others_differ() {
    let folder = tempfile::tempdir().unwrap();
    let first = write(&artifact::machine(), true, folder.path());
    let machine = Machine { plan: Digest::of("another"), ..artifact::machine() };
    let second = write(&machine, true, folder.path());
    assert!(first.digest != second.digest && first.size == second.size);
}

#[test]
fn a_machine_s_memory_and_processors_reach_the_importer() {
    let folder = tempfile::tempdir().unwrap();
    let machine =
        Machine { vcpus: 16, memory: ByteSize(3 * GIB + 512 * MIB), ..artifact::machine() };
    let found = judged(folder.path(), &[shown(&write(&machine, false, folder.path()).path)]);
    assert_eq!(found["items"]["3"]["VirtualQuantity"], "16");
    assert_eq!(found["items"]["4"]["VirtualQuantity"], "3584");
}

fn machine_of(profile: Value) -> Machine {
    let digest = Digest::of("anything");
    let record = json!({
        "format": 2, "builder": "0.1.0", "plan": digest, "time": { "seconds": 1_760_000_000, "nanos": 0 },
        "profile": profile, "base": { "name": "debian-12", "digest": digest },
        "bundle": { "site": "erp", "release": "erp-1.0.0+b1", "digest": digest }, "packages": [],
    });
    Machine::of(&serde_json::from_value(record).unwrap())
}

#[test]
fn importers_show_the_vendor_and_not_the_customer_and_a_name_without_digits_of_a_digest() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine_of(json!({
        "customer": { "id": "acme", "name": "Acme GmbH" }, "site": "erp",
        "network": { "address": "192.0.2.10/24" },
        "branding": { "product": "Harbour ERP", "vendor": "Harbour Ltd", "product_url": "https://harbour.example/erp",
            "notes": "Orders and stock.", "open": "https://{address}:8443/" },
    }));
    let found = judged(folder.path(), &[shown(&write(&machine, false, folder.path()).path)]);
    assert_eq!((&found["name"], &found["id"]), (&json!("acme-1.0.0+b1"), &json!("acme-1.0.0+b1")));
    assert_eq!(
        (&found["product"], &found["vendor"]),
        (&json!("Harbour ERP"), &json!("Harbour Ltd"))
    );
    assert_eq!(found["product_url"], "https://harbour.example/erp");
    assert_eq!(found["app_url"], "https://192.0.2.10:8443/");
    assert_eq!(
        found["annotation"],
        "Harbour ERP 1.0.0+b1 for Acme GmbH.\nOrders and stock.\nTo open it: https://{address}:8443/"
    );
    // nothing is made up, and an address that the network assigns is not known
    let machine = machine_of(json!({
        "customer": { "id": "acme", "name": "Acme GmbH" }, "site": "erp", "branding": { "open": "http://{address}/" },
    }));
    let found = judged(folder.path(), &[shown(&write(&machine, false, folder.path()).path)]);
    assert!(
        found["vendor"].is_null() && found["product_url"].is_null() && found["app_url"].is_null()
    );
}
