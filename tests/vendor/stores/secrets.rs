//! Credentials: where they come from, and that they are shown nowhere.

use slipway::blob::{self, Key, Settings};
use slipway::error::{Kind, Result};
use slipway::progress::Quiet;

use crate::common::servers::{STRICT_KEY, azure_client, azurite, file, moto, settings, strict_s3};

const STORE: &str = "azure://devstoreaccount1/secrets";

fn endpoint() -> String {
    format!("{}/devstoreaccount1", azurite())
}

fn put_and_get(url: &str, settings: &Settings, name: &str) -> Result<Vec<u8>> {
    let store = blob::open_for_publishing(url, settings)?;
    let name = Key::new(name)?;
    blob::create_bytes(store.as_ref(), &name, b"x", &Quiet)?;
    blob::read(store.as_ref(), &name, 10, &Quiet)
}

/// Fails when a secret appears in what the store or its error says.
fn refused(url: &str, settings: &Settings, secrets: &[&str]) -> slipway::error::Error {
    let error = put_and_get(url, settings, "refused").unwrap_err();
    let store = blob::open(url, settings).map(|s| format!("{s:?} {}", s.shown()));
    let mut said = format!("{error} {error:?} {store:?} {settings:?}");
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        said += &inner.to_string();
        cause = inner.source();
    }
    for secret in secrets {
        assert!(!said.contains(secret), "{secret} is in: {said}");
    }
    error
}

#[test]
fn azure_takes_a_key_or_a_signature_from_a_variable_or_a_file_and_refuses_wrong_ones() {
    azure_client(&["create", "secrets"]);
    let sas = String::from_utf8(azure_client(&["sas", "secrets", "rcwl"])).unwrap();
    let read_only = String::from_utf8(azure_client(&["sas", "secrets", "rl"])).unwrap();
    let endpoint = endpoint();
    let with =
        |name: &str, value: &str| settings(&[("AZURE_STORAGE_ENDPOINT", &endpoint), (name, value)]);

    assert!(put_and_get(STORE, &with("AZURE_STORAGE_SAS_TOKEN", &sas), "by-variable").is_ok());
    let kept = file(format!("{sas}\n").as_bytes());
    let path = kept.path().to_str().unwrap();
    assert!(put_and_get(STORE, &with("AZURE_STORAGE_SAS_TOKEN_FILE", path), "by-file").is_ok());

    // base64 of something that is not this account's key
    let wrong = "d3Jvbmcta2V5LW9mLWEtdGVzdA==";
    let error = refused(STORE, &with("AZURE_STORAGE_KEY", wrong), &[wrong]);
    assert_eq!(error.kind(), Kind::Refused, "{error:?}");
    assert!(error.find_remedy().unwrap().contains("credentials"));

    let signature = read_only.split("sig=").nth(1).unwrap();
    let error = refused(STORE, &with("AZURE_STORAGE_SAS_TOKEN", &read_only), &[signature]);
    assert_eq!(error.kind(), Kind::Refused, "{error:?}");
    // a value that is not a valid key is not shown either
    refused(STORE, &with("AZURE_STORAGE_KEY", "!!no-base64!!"), &["!!no-base64!!"]);
}

#[test]
fn a_public_container_is_read_without_credentials() {
    azure_client(&["create", "open", "public"]);
    let url = "azure://devstoreaccount1/open";
    put_and_get(url, &crate::common::servers::azure_settings(), "x").unwrap();
    let anonymous = [("AZURE_SKIP_SIGNATURE", "true"), ("AZURE_STORAGE_ENDPOINT", &endpoint())];
    let store = blob::open(url, &settings(&anonymous)).unwrap();
    assert_eq!(blob::read(store.as_ref(), &Key::new("x").unwrap(), 10, &Quiet).unwrap(), b"x");
    assert_eq!(refused(url, &settings(&anonymous), &[]).kind(), Kind::Refused);
}

#[test]
fn s3_takes_keys_from_the_file_of_its_own_tools() {
    crate::common::servers::bucket("shared");
    let kept = file(b"[team]\naws_access_key_id = AKTEST\naws_secret_access_key = s3cr3t/test\n");
    let path = kept.path().to_str().unwrap();
    let ours = settings(&[
        ("AWS_ENDPOINT_URL", moto()),
        ("AWS_SHARED_CREDENTIALS_FILE", path),
        ("AWS_PROFILE", "team"),
    ]);
    put_and_get("s3://shared/x", &ours, "by-file").unwrap();
    let error = refused("s3://absent-bucket/x", &ours, &["s3cr3t/test"]);
    assert!(error.to_string().contains("does not exist"), "{error:?}");
}

#[test]
fn s3_refuses_wrong_keys_and_the_refusal_names_the_remedy_and_no_secret() {
    let with = |id: &str, secret: &str| {
        settings(&[
            ("AWS_ENDPOINT_URL", strict_s3()),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ])
    };
    let (id, secret) = STRICT_KEY;
    assert_eq!(put_and_get("s3://strict/x", &with(id, secret), "by-key").unwrap(), b"x");
    for (id, secret) in [(id, "a-wrong-s3cr3t"), ("unknown-id", secret)] {
        let error = refused("s3://strict/x", &with(id, secret), &[secret]);
        assert_eq!(error.kind(), Kind::Refused, "{error:?}");
        assert!(error.find_remedy().unwrap().contains("credentials"), "{error:?}");
    }
    // nor does anybody get in without a key
    let anonymous = settings(&[("AWS_ENDPOINT_URL", strict_s3()), ("AWS_SKIP_SIGNATURE", "true")]);
    assert_eq!(refused("s3://strict/x", &anonymous, &[]).kind(), Kind::Refused);
}

#[test]
fn nobody_who_answers_is_an_error_without_secrets() {
    let ours = settings(&[
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "id-of-test"),
        ("AWS_SECRET_ACCESS_KEY", "key-of-test"),
        ("AWS_SESSION_TOKEN", "token-of-test"),
    ]);
    let error = refused("s3://bucket/x", &ours, &["key-of-test", "token-of-test"]);
    assert_eq!(error.kind(), Kind::Network, "{error:?}");
    let plain = settings(&[
        ("AWS_ENDPOINT_URL", "http://192.0.2.1"),
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
    ]);
    assert!(put_and_get("s3://bucket/x", &plain, "x").is_err());
}
