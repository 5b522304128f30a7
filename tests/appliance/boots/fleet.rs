//! The demo fleet: twelve customers of three sites go through `slipway nightly`, with bundles and releases in
//! Azurite. One of them is booted, with its own Puppet Server.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use crate::common::project::{Project, Published, json};
use crate::common::servers::{azure_client, azurite};
use slipway::units::Digest;

const STORE: &str = "azure://devstoreaccount1/fleet/store";

/// The night of a vendor whose CI has time for one machine.
const POLICY: &str = r#"
[smoke]
which = "each"
customers = ["demo"]
reason = "of the same bundle, bases and packages as others that are booted by hand"
timeout_seconds = 4000
[release]
channel = "nightly"
[limits]
free_disk = "1 GiB"
"#;

/// Customers who are like the others of their site, besides the two of a new project, and what their profiles have besides.
const PLAIN: [(&str, &str, &[&str]); 3] = [
    ("demo", "[master]\nmode = \"apply\"\n", &["bakery", "harbour"]),
    (
        "front",
        "[master]\nmode = \"apply\"\n[hiera]\n\"profile::guestbook::database_host\" = \"db.customer.example\"\n\
         \"profile::guestbook::database_password\" = \"only for the test\"\n",
        &["museum", "orchard", "quarry", "theatre"],
    ),
    ("tiny", "[master]\nmode = \"apply\"\n", &["brewery", "foundry", "vineyard"]),
];

/// A customer with settings of its own.
const OWN: &str = r#"
[system]
hostname = "guestbook.acme.example"
[network]
address = "192.0.2.10/24"
gateway = "192.0.2.1"
dns = ["192.0.2.53"]
proxy = "http://proxy.acme.example:3128"
[hiera]
"profile::web::upload_limit" = "8m"
[[files]]
path = "/etc/sysctl.d/60-acme.conf"
content = "net.ipv4.tcp_fin_timeout = 15\n"
"#;

/// The project, and the bundle of its site front.
fn fleet() -> (Project, Published) {
    azure_client(&["create", "fleet"]);
    // strangers are shown exactly what boots here
    let variables =
        [("AZURE_STORAGE_USE_EMULATOR", "true"), ("AZURITE_BLOB_STORAGE_URL", azurite())];
    let project = Project::begun(STORE, &variables);
    let front = project.publish_to("front", STORE);
    project.publish_to("tiny", STORE);
    for file in ["demo", "shared/common"] {
        let path = project.root().join(format!("profiles/{file}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"file:out/store\""), "{text}");
        std::fs::write(path, text.replace("file:out/store", STORE)).unwrap();
    }
    let head = |name: &str, site: &str| {
        format!(
            "base = \"debian-12\"\nsite = \"{site}\"\nchannel = \"stable\"\nstore = \"{STORE}\"\n\
             [customer]\nname = \"{name} Ltd\"\n"
        )
    };
    for (site, more, names) in PLAIN {
        for name in names {
            project.profile(name, &(head(name, site) + more));
        }
    }
    project.profile("acme", &(head("Acme", "demo") + PLAIN[0].1 + OWN));
    std::fs::write(project.root().join("nightly.toml"), POLICY).unwrap();
    (project, front)
}

fn report(project: &Project, output: &Output, code: i32) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert_eq!(output.status.code(), Some(code), "{said}");
    let path = project.root().join("out/nightly/report.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// How many customers have the verdict.
fn count(report: &Value, verdict: &str) -> usize {
    let customers = report["customers"].as_array().unwrap().iter();
    customers.filter(|customer| customer["verdict"] == verdict).count()
}

/// The customers of which a step ended so.
fn ended(report: &Value, step: &str, ending: &str) -> Vec<String> {
    let jobs = report["jobs"].as_array().unwrap().iter();
    let those = jobs.filter(|job| job["step"] == step && job["ending"] == ending);
    those.map(|job| job["customer"].as_str().unwrap().to_owned()).collect()
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn a_night_releases_twelve_customers_of_three_sites_of_whom_one_boots_its_puppet_server() {
    let (project, front) = fleet();
    let first = report(&project, &project.night(), 0);
    assert_eq!(count(&first, "built"), 12, "{first:#}");
    assert_eq!(ended(&first, "smoke-bios", "done"), ["demo"]);
    assert_eq!(ended(&first, "publish", "done").len(), 12);
    assert_was_ready(&project);
    let image = assert_published(&project);
    // what is in the image is what somebody else's client finds in the store
    let name = front.file.file_stem().unwrap().to_str().unwrap();
    let name = format!("store/bundles/front/{name}.{}.tgz", front.sha256);
    let bundle = Digest::of(azure_client(&["cat", "fleet", &name])).to_string();
    let inspected = json(&project.run(&["inspect", &image, "--json"]));
    assert_eq!(inspected["record"]["bundle"]["digest"], bundle, "{inspected:#}");

    let second = report(&project, &project.night(), 3);
    assert_eq!(count(&second, "reused"), 12, "{second:#}");
    assert_eq!(ended(&second, "publish", "reused").len(), 12);
    let done = second["jobs"].as_array().unwrap().iter().filter(|job| job["ending"] == "done");
    assert!(done.clone().all(|job| job["step"] == "plan"), "{:#?}", done.collect::<Vec<_>>());
}

/// The machine went through all states of one with a Puppet Server, and kept what its application was given.
fn assert_was_ready(project: &Project) {
    let folder = project.root().join("out/demo");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let smoke: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "smoke-bios")).collect();
    assert_eq!(smoke.len(), 1, "{smoke:?}");
    let bytes = std::fs::read(smoke[0].join("report.json")).unwrap();
    let boot = &serde_json::from_slice::<Value>(&bytes).unwrap()["boots"][0];
    let states: Vec<&str> = boot["states"]
        .as_array()
        .unwrap()
        .iter()
        .map(|state| state["state"].as_str().unwrap())
        .collect();
    assert!(states.contains(&"PUPPETSERVER") && states.ends_with(&["READY"]), "{states:?}");
    let probes = boot["probes"].as_array().unwrap();
    assert!(probes.len() >= 5 && probes.iter().all(|probe| probe["ok"] == true), "{probes:?}");
    assert!(boot["complaints"].as_array().unwrap().iter().all(|found| found["about"] == "stall"));
}

/// Somebody who has only the store and the key gets a proven image: the tested one says how it was tested, and the
/// other why it was not. Returns the other's image.
fn assert_published(project: &Project) -> String {
    let fetched = ["demo", "museum"].map(|customer| {
        let folder = format!("fetched-{customer}");
        let fetch = ["release", "fetch", customer, "--channel", "nightly", "--to", &folder];
        let fetched = json(&project.run(&[&fetch[..], &["--json"]].concat()));
        let record = std::fs::read_to_string(project.root().join(folder).join("release.json"));
        let record: Value = serde_json::from_str(&record.unwrap()).unwrap();
        let reason = record.to_string().contains("booted by hand");
        assert_eq!(reason, customer == "museum", "{record:#}");
        fetched["images"][0]["file"].as_str().unwrap().to_owned()
    });
    fetched[1].clone()
}
