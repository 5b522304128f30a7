//! From variables to a service. A variable's name is the one that the cloud's own tools use.

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientOptions, RetryConfig};
use reqwest::Url;

use super::super::address::Provider;
use super::super::{Settings, http};
use super::watch::Watch;
use super::{Place, Service, shared};
use crate::error::{Context, Error, Kind, Result};

/// The account, key and port of Azurite, the emulator; Microsoft publishes them, so they are no
/// secret.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const EMULATOR: &str = "http://127.0.0.1:10000";

pub(super) fn build(
    place: &Place,
    shown: &str,
    settings: &Settings,
    watch: &Watch,
) -> Result<Box<dyn Service>> {
    let built = match place.provider {
        Provider::Azure => azure(place, settings, watch)?.build().map(boxed),
        Provider::S3 => s3(place, settings, watch)?.build().map(boxed),
        Provider::Google => google(place, settings, watch)?.build().map(boxed),
    };
    built.map_err(|e| {
        Error::new(Kind::Input, format!("cannot use {shown} with this environment"))
            .because(settings.scrub(&e.to_string()))
            .remedy("check the cloud's variables in the environment, see the README")
    })
}

fn boxed(service: impl Service) -> Box<dyn Service> {
    Box::new(service)
}

fn azure(place: &Place, settings: &Settings, watch: &Watch) -> Result<MicrosoftAzureBuilder> {
    let mut builder = MicrosoftAzureBuilder::new();
    for (name, value) in of(settings, "AZURE_") {
        if let Ok(key) = name.parse::<AzureConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    // the names of Microsoft's own tools, which the crate does not know
    if let Some(key) = secret(settings, "AZURE_STORAGE_KEY")? {
        builder = builder.with_access_key(key);
    }
    if let Some(sas) = secret(settings, "AZURE_STORAGE_SAS_TOKEN")? {
        builder = builder.with_config(AzureConfigKey::SasKey, sas);
    }
    let emulated = settings.get("AZURE_STORAGE_USE_EMULATOR").is_some_and(|v| v == "true");
    let mut endpoint = settings.get("AZURE_STORAGE_ENDPOINT").map(str::to_owned);
    if emulated && place.account == EMULATOR_ACCOUNT {
        let url = settings.get("AZURITE_BLOB_STORAGE_URL").unwrap_or(EMULATOR);
        endpoint = Some(format!("{}/{EMULATOR_ACCOUNT}", url.trim_end_matches('/')));
        let given = ["KEY", "ACCOUNT_KEY", "ACCESS_KEY", "SAS_TOKEN", "SAS_KEY"];
        if given.iter().all(|name| settings.get(&format!("AZURE_STORAGE_{name}")).is_none()) {
            builder = builder.with_access_key(EMULATOR_KEY);
        }
    }
    let mut local = false;
    if let Some(endpoint) = endpoint {
        local = is_local(&endpoint);
        builder = builder.with_endpoint(endpoint);
    }
    Ok(builder
        // the endpoint is enough; the crate's own emulator mode would read the process's
        // environment
        .with_use_emulator(false)
        .with_account(&place.account)
        .with_container_name(&place.bucket)
        .with_client_options(options(settings, local || allows_http(settings, "AZURE_ALLOW_HTTP")))
        .with_retry(once())
        .with_http_connector(watch.clone()))
}

fn s3(place: &Place, settings: &Settings, watch: &Watch) -> Result<AmazonS3Builder> {
    let mut builder = AmazonS3Builder::new();
    for (name, value) in of(settings, "AWS_") {
        if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if settings.get("AWS_ACCESS_KEY_ID").is_none() {
        let shared = shared::read(settings)?;
        if let (Some(id), Some(key)) = (shared.id, shared.secret) {
            builder = builder.with_access_key_id(id).with_secret_access_key(key);
            if let Some(token) = shared.token {
                builder = builder.with_token(token);
            }
        }
    }
    let endpoint = settings.get("AWS_ENDPOINT_URL_S3").or(settings.get("AWS_ENDPOINT_URL"));
    let local = endpoint.is_some_and(is_local);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(builder
        .with_bucket_name(&place.bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_client_options(options(settings, local || allows_http(settings, "AWS_ALLOW_HTTP")))
        .with_retry(once())
        .with_http_connector(watch.clone()))
}

fn google(place: &Place, settings: &Settings, watch: &Watch) -> Result<GoogleCloudStorageBuilder> {
    let mut builder = GoogleCloudStorageBuilder::new();
    for (name, value) in of(settings, "GOOGLE_") {
        if let Ok(key) = name.parse::<GoogleConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    Ok(builder
        .with_bucket_name(&place.bucket)
        .with_client_options(options(settings, false))
        .with_retry(once())
        .with_http_connector(watch.clone()))
}

/// The variables of a cloud, under the names that the crate uses.
fn of<'a>(settings: &'a Settings, start: &str) -> impl Iterator<Item = (String, &'a str)> {
    let own = settings.variables.iter().filter(move |(name, _)| name.starts_with(start));
    own.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
}

/// A secret from its variable, or from the file that the variable `<NAME>_FILE` names.
fn secret(settings: &Settings, name: &str) -> Result<Option<String>> {
    if let Some(value) = settings.get(name) {
        return Ok(Some(value.to_owned()));
    }
    let Some(path) = settings.get(&format!("{name}_FILE")) else { return Ok(None) };
    let text = std::fs::read_to_string(path).at("cannot read the secret", path)?;
    Ok(Some(text.trim().to_owned()))
}

fn allows_http(settings: &Settings, name: &str) -> bool {
    settings.get(name).is_some_and(|value| value == "true")
}

fn is_local(endpoint: &str) -> bool {
    endpoint.parse::<Url>().is_ok_and(|url| http::is_private_enough(&url))
}

fn options(settings: &Settings, allow_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(allow_http)
        .with_connect_timeout(settings.connect)
        // its time-out includes the body: a large object would always be cut off
        .with_timeout_disabled()
        .with_read_timeout(settings.idle)
}

/// We retry ourselves: that requires knowing what was lost.
fn once() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}
