//! The vendor's pipeline from end to end: an app is packed, a bundle is published to a cloud's store, and an image
//! is built from what is pulled there. `cargo test --test appliance pipeline:: -- --ignored`; the same with Azure's
//! store is part of [`super::boots`].

use crate::common::project::{Project, json};
use crate::common::servers::{bucket, moto};
use slipway::units::Digest;

/// Packs, publishes, bundles, and builds the demo's image from a store: the image has the bundle's digest.
fn image_from(store: &str, variables: &[(&str, &str)]) {
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
