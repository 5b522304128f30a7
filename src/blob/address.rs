//! A store's URL, taken apart. It names a place and never holds a secret.

use std::path::PathBuf;

use reqwest::Url;

use crate::error::{Error, Kind, Result};

/// The allowed forms, shown whenever something else was written.
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
    /// `account` is empty except for Azure.
    Cloud { provider: Provider, account: String, bucket: String, folder: String },
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| Error::new(Kind::Input, "the store is not a URL").remedy(FORMS))?;
        match scheme {
            "file" if rest.starts_with('/') => folder(rest),
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
    /// The form that messages show.
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

/// One spelling of a folder: whatever is remembered about a store is found by its address.
///
/// The disk is not consulted: if links were resolved, changing one would make it another store,
/// about which nothing is remembered. For the same reason `..` is refused and not resolved.
fn folder(rest: &str) -> Result<Address> {
    let mut path = PathBuf::from("/");
    for part in rest.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            return Err(Error::new(Kind::Input, format!("file://{rest} goes upward with .."))
                .remedy("write the folder's own path"));
        }
        path.push(part);
    }
    Ok(Address::Folder(path))
}

/// One spelling of a web address's path: no slash at its end, and nothing escaped that need not be
/// (RFC 3986, 6.2.2).
fn one_path(path: &str) -> String {
    let mut parts = path.trim_end_matches('/').split('%');
    let mut one = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(b) if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => {
                one.push(char::from(b));
                one += &part[2..];
            }
            Some(b) => one += &format!("%{b:02X}{}", &part[2..]),
            None => one += &format!("%{part}"),
        }
    }
    one
}

/// A query is refused: it would hold a signature, and URLs appear in profiles and process lists.
fn web(url: &str) -> Result<Address> {
    let url: Url =
        url.parse().map_err(|_| Error::new(Kind::Input, "the store is not a URL").remedy(FORMS))?;
    let user = !url.username().is_empty() || url.password().is_some();
    if user || url.query().is_some() || url.fragment().is_some() {
        return Err(holds_credentials());
    }
    let mut url = url;
    url.set_path(&one_path(url.path()));
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
    let [bucket, folder] = [bucket, folder].map(str::to_owned);
    // it is part of the host's name, where case does not count
    let account = account.to_ascii_lowercase();
    Ok(Address::Cloud { provider, account, bucket, folder })
}

fn holds_credentials() -> Error {
    Error::new(Kind::Refused, "the store's URL holds a user, a password or a query")
        .remedy("secrets do not belong in a URL: set the cloud's own variables, see the README")
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
    fn a_store_has_one_spelling() {
        let same = |urls: &[&str]| {
            let shown: Vec<String> =
                urls.iter().map(|url| Address::parse(url).unwrap().to_string()).collect();
            assert!(shown.iter().all(|one| *one == shown[0]), "{shown:?}");
        };
        same(&["file:///srv/x", "file:////srv//x/", "file:///srv/./x", "file:///./srv/x/."]);
        same(&["file:///", "file:////", "file:///./"]);
        same(&["https://h/x", "https://H:443/x/", "https://h/./y/../x", "https://h/%78//"]);
        same(&["https://h/a%2fb", "https://h/a%2Fb/"]);
        same(&["azure://acme/c/f", "azure://Acme/c/f/"]);
        let error = Address::parse("file:///srv/../x").unwrap_err();
        assert_eq!(error.kind(), Kind::Input, "{error:?}");
        // a path with a doubled slash is another path
        let two = ["https://h/x", "https://h//x"].map(|url| Address::parse(url).unwrap());
        assert_ne!(two[0], two[1]);
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
