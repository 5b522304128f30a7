//! A store's URL, taken apart. It names a place and never holds a secret.

use std::path::PathBuf;

use reqwest::Url;

use crate::error::{Error, Kind, Result};

/// What may be written; shown whenever something else was.
const FORMS: &str = "write file:///folder, https://host/path, azure://account/container/folder, \
                     s3://bucket/folder or gs://bucket/folder";

/// The clouds whose blobs we read and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    Azure,
    S3,
    Google,
}

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// An absolute folder.
    Folder(PathBuf),
    /// A web server.
    Web(Box<Url>),
    /// `account` is empty but for Azure.
    Cloud { provider: Provider, account: String, bucket: String, folder: String },
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| Error::new(Kind::Input, "the store is not a URL").remedy(FORMS))?;
        match scheme {
            "file" if rest.starts_with('/') => Ok(Self::Folder(PathBuf::from(rest))),
            "file" => Err(Error::new(Kind::Input, format!("file://{rest} is not absolute"))
                .remedy("write three slashes, as in file:///srv/store")),
            "https" | "http" => web(url),
            "azure" => cloud(Provider::Azure, rest),
            "s3" => cloud(Provider::S3, rest),
            "gs" => cloud(Provider::Google, rest),
            other => {
                let message = format!("stores of the kind {other:?} are not known");
                Err(Error::new(Kind::Input, message).remedy(FORMS))
            }
        }
    }
}

impl std::fmt::Display for Address {
    /// As the store says it in messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "file://{}", path.display()),
            Self::Web(url) => write!(f, "{url}"),
            Self::Cloud { provider, account, bucket, folder } => {
                let scheme = match provider {
                    Provider::Azure => "azure",
                    Provider::S3 => "s3",
                    Provider::Google => "gs",
                };
                let parts = [account.as_str(), bucket, folder];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                write!(f, "{scheme}://{}", parts.join("/"))
            }
        }
    }
}

/// A query is refused: what stands there is a signature, and a URL stands in profiles and process lists.
fn web(url: &str) -> Result<Address> {
    let url: Url =
        url.parse().map_err(|_| Error::new(Kind::Input, "the store is not a URL").remedy(FORMS))?;
    let user = !url.username().is_empty() || url.password().is_some();
    if user || url.query().is_some() || url.fragment().is_some() {
        return Err(holds_credentials());
    }
    Ok(Address::Web(Box::new(url)))
}

fn cloud(provider: Provider, rest: &str) -> Result<Address> {
    if rest.contains(['@', '?', '#']) {
        return Err(holds_credentials());
    }
    let (account, rest) = match provider {
        Provider::Azure => rest.split_once('/').unwrap_or((rest, "")),
        Provider::S3 | Provider::Google => ("", rest),
    };
    let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
    let folder = folder.strip_suffix('/').unwrap_or(folder);
    let plain = |part: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-+$".contains(&b);
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed)
    };
    let named = plain(bucket) && (provider != Provider::Azure || plain(account));
    if !named || !(folder.is_empty() || folder.split('/').all(plain)) {
        return Err(Error::new(Kind::Input, "the store's URL is not complete, or has an odd name")
            .remedy(FORMS));
    }
    let [account, bucket, folder] = [account, bucket, folder].map(str::to_owned);
    Ok(Address::Cloud { provider, account, bucket, folder })
}

fn holds_credentials() -> Error {
    Error::new(Kind::Refused, "the store's URL holds a user, a password or a query")
        .remedy("secrets do not belong into a URL: set the cloud's own variables, see the README")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(provider: Provider, account: &str, bucket: &str, folder: &str) -> Address {
        let [account, bucket, folder] = [account, bucket, folder].map(str::to_owned);
        Address::Cloud { provider, account, bucket, folder }
    }

    #[test]
    fn each_cloud_has_its_form() {
        let parse = |url| Address::parse(url).unwrap();
        let azure = cloud(Provider::Azure, "acme", "bundles", "a/b");
        assert_eq!(parse("azure://acme/bundles/a/b/"), azure);
        assert_eq!(parse("s3://bundles"), cloud(Provider::S3, "", "bundles", ""));
        assert_eq!(parse("gs://bundles/x"), cloud(Provider::Google, "", "bundles", "x"));
        assert_eq!(parse("file:///srv/x"), Address::Folder("/srv/x".into()));
    }

    #[test]
    fn urls_with_secrets_or_gaps_are_refused_without_repeating_them() {
        for url in [
            "azure://a/c?sig=SECRET",
            "s3://id:SECRET@b/x",
            "https://me:SECRET@h",
            "https://h/?SECRET",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.kind(), Kind::Refused, "{url}");
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{url}");
        }
        for url in ["azure://acme", "s3://", "gs:///x", "s3://b//x", "s3://b/../x", "/srv/x"] {
            assert_eq!(Address::parse(url).unwrap_err().kind(), Kind::Input, "{url}");
        }
    }
}
