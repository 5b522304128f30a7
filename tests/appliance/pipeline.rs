//! The vendor's pipeline from end to end: an app is packed, a bundle is published to a cloud's
//! store, and an image is built from what is pulled there. `cargo test --test appliance pipeline::
//! -- --ignored`

use crate::common::project::{Project, json};
use crate::common::servers::{azure_client, azurite, bucket, moto};
use slipway::units::Digest;

/// Packs, publishes, bundles, and builds the demo's image from a store; returns the bundle's
/// digest, which is also in the image, and its name below the site's folder in the store.
fn image_from(store: &str, variables: &[(&str, &str)]) -> (Digest, String) {
    let project = Project::with(variables);
    let published = project.publish_to("demo", store);
    let demo = std::fs::read_to_string(project.root().join("profiles/demo.toml")).unwrap();
    assert!(demo.contains("\"file:out/store\""));
    project.profile("demo", &demo.replace("file:out/store", store));

    let pulled = ["bundle", "pull", "demo", "--channel", "stable", "--store", store];
    let pulled = json(&project.run(&[&pulled[..], &["--out", "pulled", "--json"]].concat()));
    assert_eq!(pulled["sha256"], published.sha256);
    let file = project.root().join(&published.file);
    let digest = Digest::of_reader(std::fs::File::open(file).unwrap()).unwrap().0;
    assert_eq!(digest.to_string(), published.sha256);

    let image = project.build("demo");
    let inspected = json(&project.run(&["inspect", image.to_str().unwrap(), "--json"]));
    assert_eq!(inspected["record"]["bundle"]["digest"], published.sha256, "{inspected:#}");
    let release = published.file.file_stem().unwrap().to_str().unwrap();
    (digest, format!("{release}.{digest}.tgz"))
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn an_image_holds_the_very_bundle_that_was_published_to_azure_blob_storage() {
    azure_client(&["create", "pipeline"]);
    let variables =
        [("AZURE_STORAGE_USE_EMULATOR", "true"), ("AZURITE_BLOB_STORAGE_URL", azurite())];
    let (digest, name) = image_from("azure://devstoreaccount1/pipeline/sites", &variables);
    // and it is what the store holds, according to somebody else's client
    let name = format!("sites/bundles/demo/{name}");
    assert_eq!(Digest::of(azure_client(&["cat", "pipeline", &name])), digest);
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn an_image_holds_the_very_bundle_that_was_published_to_s3() {
    bucket("pipeline");
    let variables = [
        ("AWS_ENDPOINT_URL", moto()),
        ("AWS_ACCESS_KEY_ID", "id-of-test"),
        ("AWS_SECRET_ACCESS_KEY", "key-of-test"),
    ];
    image_from("s3://pipeline/sites", &variables);
}
