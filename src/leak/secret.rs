//! What a secret looks like: a beginning that a search finds at full speed, and what must follow.
//!
//! Patterns follow what the issuers document. A text in a manual that only looks like a secret (few different
//! characters, the issuer's own example) is none.

use std::ops::RangeInclusive;

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};

use super::LeakRule;

/// A match with what is around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// Some bytes before it.
    pub before: &'a [u8],
    /// The bytes after the beginning, at least [`super::scan::AHEAD`] where the file has as many.
    pub after: &'a [u8],
    /// The building machine's name, for certificates.
    pub host: Option<&'a str>,
}

/// One kind of secret.
pub(super) struct Secret {
    /// How it begins.
    pub begins: &'static str,
    pub rule: LeakRule,
    pub what: &'static str,
    /// Whether what follows makes it one.
    pub is: fn(&Around<'_>) -> bool,
}

const fn secret(begins: &'static str, rule: LeakRule, what: &'static str, is: fn(&Around<'_>) -> bool) -> Secret {
    Secret { begins, rule, what, is }
}

/// Every kind. The table is the documentation.
pub(super) const SECRETS: &[Secret] = &[
    secret("-----BEGIN ", LeakRule::PrivateKey, "a private key", |a| pem(a, "PRIVATE KEY")),
    secret("-----BEGIN PGP PRIVATE KEY BLOCK", LeakRule::PrivateKey, "a private key of PGP", |a| body(a.after)),
    secret("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY", LeakRule::PrivateKey, "a private key of SSH", |a| body(a.after)),
    secret("PuTTY-User-Key-File-", LeakRule::PrivateKey, "a private key of PuTTY", |a| holds(a.after, b"\nPrivate-Lines:")),
    secret("AGE-SECRET-KEY-1", LeakRule::PrivateKey, "a private key of age", |a| run(a, upper, 58..=58)),
    secret("PrivateKey", LeakRule::PrivateKey, "a private key of WireGuard", |a| assigned(a, base64, 43, b"=")),
    secret("-----BEGIN CERTIFICATE-----", LeakRule::Certificate, "a certificate with the building machine's name", names_host),
    secret("AKIA", LeakRule::AwsKey, "an access key of AWS", aws_id),
    secret("ASIA", LeakRule::AwsKey, "a temporary access key of AWS", aws_id),
    secret("aws_secret_access_key", LeakRule::AwsKey, "a secret key of AWS", aws_secret),
    secret("AWS_SECRET_ACCESS_KEY", LeakRule::AwsKey, "a secret key of AWS", aws_secret),
    secret("SecretAccessKey", LeakRule::AwsKey, "a secret key of AWS", aws_secret),
    secret("AccountKey=", LeakRule::AzureKey, "the key of a storage account", azure_account),
    secret("SharedAccessKey=", LeakRule::AzureKey, "a shared access key of Azure", |a| run(a, base64, 43..=43)),
    secret("sig=", LeakRule::AzureKey, "a shared access signature of Azure", azure_signature),
    secret("AIza", LeakRule::GoogleKey, "an API key of Google", |a| run(a, url, 35..=35)),
    secret("ya29.", LeakRule::GoogleKey, "an access token of Google", |a| run(a, url, 40..=4000)),
    secret("\"private_key_id\"", LeakRule::GoogleKey, "the key of a service account", |a| assigned(a, hex, 40, b"\"")),
    secret("ghp_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, alnum, 36..=36)),
    secret("gho_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, alnum, 36..=36)),
    secret("ghu_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, alnum, 36..=36)),
    secret("ghs_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, alnum, 36..=36)),
    secret("ghr_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, alnum, 36..=76)),
    secret("github_pat_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, url, 60..=93)),
    secret("glpat-", LeakRule::GitlabToken, "a token of GitLab", |a| run(a, dotted, 20..=300)),
    secret("gldt-", LeakRule::GitlabToken, "a deploy token of GitLab", |a| run(a, dotted, 20..=300)),
    secret("glrt-", LeakRule::GitlabToken, "a runner's token of GitLab", |a| run(a, dotted, 20..=300)),
    secret("glcbt-", LeakRule::GitlabToken, "a job's token of GitLab", |a| run(a, dotted, 20..=300)),
    secret("glptt-", LeakRule::GitlabToken, "a trigger's token of GitLab", |a| run(a, dotted, 20..=300)),
    secret("npm_", LeakRule::NpmToken, "a token of npm", |a| run(a, alnum, 36..=36)),
    secret("_authToken", LeakRule::NpmToken, "a token in a file of npm's", |a| assigned(a, dotted, 16, b"")),
    secret("xoxb-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 20..=300)),
    secret("xoxp-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 20..=300)),
    secret("xoxa-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 20..=300)),
    secret("xoxs-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 20..=300)),
    secret("xoxr-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 20..=300)),
    secret("xapp-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 30..=300)),
    secret("hooks.slack.com/services/", LeakRule::SlackToken, "a webhook of Slack", |a| count(a.after, path) >= 40),
    secret("sk_live_", LeakRule::OtherToken, "a secret key of Stripe", |a| run(a, alnum, 24..=300)),
    secret("rk_live_", LeakRule::OtherToken, "a restricted key of Stripe", |a| run(a, alnum, 24..=300)),
    secret("pypi-AgEIcHlwaS5vcmc", LeakRule::OtherToken, "a token of PyPI", |a| run(a, url, 50..=1000)),
    secret("dckr_pat_", LeakRule::OtherToken, "a token of Docker Hub", |a| run(a, url, 27..=27)),
    secret("dop_v1_", LeakRule::OtherToken, "a token of DigitalOcean", |a| run(a, hex, 64..=64)),
    secret("hvs.", LeakRule::OtherToken, "a token of Vault", |a| run(a, url, 24..=300)),
    secret("tskey-auth-", LeakRule::OtherToken, "a key of Tailscale", |a| run(a, url, 20..=100)),
    secret("SG.", LeakRule::OtherToken, "a key of SendGrid", |a| run(a, dotted, 66..=66)),
    secret("eyJ", LeakRule::Jwt, "a signed JSON web token", jwt),
];

fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

fn upper(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

fn hex(b: u8) -> bool {
    b.is_ascii_hexdigit()
}

fn base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')
}

fn url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

fn dotted(b: u8) -> bool {
    url(b) || b == b'.'
}

fn path(b: u8) -> bool {
    url(b) || b == b'/'
}

fn count(bytes: &[u8], of: fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| of(**b)).count()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether bytes are as different as a secret's: a manual's example is a row of x.
fn varied(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    bytes.iter().for_each(|b| seen[usize::from(*b)] = true);
    seen.iter().filter(|seen| **seen).count() >= 8
}

/// Whether nothing before makes it a part of a longer word.
fn alone(around: &Around<'_>) -> bool {
    !around.before.last().is_some_and(|b| url(*b) || matches!(b, b'+' | b'/'))
}

/// As many characters of a set as a token has, and no more.
fn run(around: &Around<'_>, of: fn(u8) -> bool, length: RangeInclusive<usize>) -> bool {
    let count = count(around.after, of);
    alone(around) && length.contains(&count) && varied(&around.after[..count])
}

/// What stands between a name and its value, in any language: blanks, quotes, a colon or an equals sign.
fn value<'a>(after: &'a [u8]) -> Option<&'a [u8]> {
    let gap = count(after, |b| b" \t\"':=>".contains(&b));
    let sign = after[..gap].iter().any(|b| matches!(b, b':' | b'='));
    (sign && gap < 16).then(|| &after[gap..])
}

/// A value of exactly or, without an end, at least `length` characters of a set.
fn assigned(around: &Around<'_>, of: fn(u8) -> bool, length: usize, end: &[u8]) -> bool {
    let Some(value) = value(around.after) else { return false };
    let count = count(value, of);
    let enough = if end.is_empty() { count >= length } else { count == length };
    enough && value[count..].starts_with(end) && varied(&value[..count])
}

/// A block with this at the end of its label, and a body: programs that read keys hold the label alone.
fn pem(around: &Around<'_>, label: &str) -> bool {
    let length = count(around.after, |b| upper(b) || b == b' ');
    let (found, rest) = around.after.split_at(length);
    found.ends_with(label.as_bytes()) && length < 40 && rest.starts_with(b"-----") && body(&rest[5..])
}

/// Whether a block's body begins here: perhaps lines with a colon (RFC 1421), then base64. A line may end as in JSON.
fn body(mut after: &[u8]) -> bool {
    const LEAST: usize = 64;
    let mut body = Vec::new();
    for _ in 0..16 {
        let end = after.iter().position(|b| matches!(b, b'\n' | b'\r' | b'\\')).unwrap_or(after.len());
        let line = after[..end].trim_ascii();
        let headed = line.iter().any(|b| matches!(b, b':' | b'-' | b'"'));
        if !headed || !body.is_empty() {
            let count = count(line, |b| base64(b) || b == b'=');
            body.extend_from_slice(&line[..count]);
            if body.len() >= LEAST {
                return varied(&body);
            }
            if count < line.len() {
                return false;
            }
        }
        // "\n" of JSON is two bytes
        let skip = if after.get(end) == Some(&b'\\') { 2 } else { 1 };
        match after.get(end + skip..) {
            Some(rest) => after = rest,
            None => return false,
        }
    }
    false
}

/// A certificate with the building machine's name in it, which DER holds in the clear.
fn names_host(around: &Around<'_>) -> bool {
    let Some(host) = around.host.filter(|host| host.len() >= 4) else { return false };
    let end = around.after.windows(8).position(|w| w == b"-----END").unwrap_or(around.after.len());
    let text: String = around.after[..end].iter().filter(|b| !b.is_ascii_whitespace()).map(|b| char::from(*b)).collect();
    Base64::decode_vec(&text).is_ok_and(|der| holds(&der, host.as_bytes()))
}

fn aws_id(around: &Around<'_>) -> bool {
    // Amazon's own example
    run(around, upper, 16..=16) && !around.after[..16].ends_with(b"EXAMPLE") && !around.after[16..].first().is_some_and(|b| base64(*b))
}

fn aws_secret(around: &Around<'_>) -> bool {
    let Some(value) = value(around.after) else { return false };
    let count = count(value, base64);
    count == 40 && varied(&value[..40]) && !value[..40].ends_with(b"EXAMPLEKEY")
}

/// The key that every copy of Azure's emulator has.
const EMULATOR: &[u8] = b"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq";

fn azure_account(around: &Around<'_>) -> bool {
    let count = count(around.after, base64);
    count == 86 && around.after[86..].starts_with(b"==") && !around.after.starts_with(EMULATOR)
}

/// A signature beside the version of the service that every such address names.
fn azure_signature(around: &Around<'_>) -> bool {
    let count = count(around.after, |b| base64(b) || matches!(b, b'%' | b'=' | b'-' | b'_'));
    let near = &around.after[..around.after.len().min(512)];
    let version = |bytes: &[u8]| holds(bytes, b"sv=20");
    let begins = matches!(around.before.last(), None | Some(b'?' | b'&' | b' ' | b'"' | b'\'' | b'\n' | b';'));
    begins && (40..=200).contains(&count) && varied(&around.after[..count]) && (version(around.before) || version(near))
}

/// Three parts, the first two JSON, the first with a real algorithm (RFC 7519).
fn jwt(around: &Around<'_>) -> bool {
    if !alone(around) || around.before.last() == Some(&b'.') {
        return false;
    }
    let mut rest = around.after;
    let mut parts = Vec::new();
    for _ in 0..3 {
        let count = count(rest, url);
        parts.push(&rest[..count]);
        rest = rest.get(count..).unwrap_or_default();
        rest = rest.strip_prefix(b".").unwrap_or(rest);
    }
    let json = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok()?;
        let decoded = Base64UrlUnpadded::decode_vec(text).ok()?;
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&decoded).ok()
    };
    let head = json(&[b"eyJ", parts[0]].concat());
    let signed = head.is_some_and(|head| head.get("alg").is_some_and(|alg| alg != "none"));
    signed && parts[2].len() >= 20 && json(parts[1]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&'static str> {
        found_on(text, None)
    }

    fn found_on(text: &str, host: Option<&str>) -> Vec<&'static str> {
        let judged = SECRETS.iter().filter(|secret| {
            text.match_indices(secret.begins).any(|(at, begins)| {
                let (before, after) = (&text.as_bytes()[..at], &text.as_bytes()[at + begins.len()..]);
                (secret.is)(&Around { before, after, host })
            })
        });
        judged.map(|secret| secret.what).collect()
    }

    const LINE: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";

    #[test]
    fn a_key_is_found_however_its_lines_end_and_a_label_alone_is_none() {
        for text in [
            format!("-----BEGIN PRIVATE KEY-----\n{LINE}\n{LINE}\n-----END PRIVATE KEY-----\n"),
            format!("-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-256-CBC,AB\r\n\r\n{LINE}\r\n"),
            format!("{{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\n{LINE}\\n\"}}"),
            format!("  -----BEGIN OPENSSH PRIVATE KEY-----\n  {}\n  {}\n", &LINE[..40], &LINE[..40]),
        ] {
            assert_eq!(found(&text), ["a private key"], "{text}");
        }
        for text in [
            "-----BEGIN PRIVATE KEY-----\0-----END PRIVATE KEY-----\0",
            "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
            &format!("-----BEGIN PUBLIC KEY-----\n{LINE}\n"),
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn examples_and_parts_of_longer_words_are_no_secrets() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "xghp_0123456789abcdefghijABCDEFGHIJ012345",
            "//registry.npmjs.org/:_authToken=${NPM_TOKEN}",
            "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
            "https://a.blob.core.windows.net/c?sig=short&sv=2022-11-02",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijklmnopqrstuvwxyz",
            "PrivateKey = \"a path\"",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }

    /// The certificate was made by OpenSSL, with the name in it.
    #[test]
    fn a_certificate_is_a_leak_if_it_names_the_building_machine() {
        let folder = tempfile::tempdir().unwrap();
        let (key, cert) = (folder.path().join("key"), folder.path().join("cert"));
        let mut openssl = std::process::Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=build-7.vendor.example", "-keyout"]);
        openssl.arg(&key).arg("-out").arg(&cert);
        crate::command::output(&mut openssl, "openssl").unwrap();
        let text = std::fs::read_to_string(cert).unwrap();
        let what = ["a certificate with the building machine's name"];
        assert_eq!(found_on(&text, Some("build-7.vendor.example")), what);
        assert_eq!(found_on(&text, Some("build-8")), Vec::<&str>::new());
        // an Ed25519 key has one line of 64 characters
        assert_eq!(found(&std::fs::read_to_string(key).unwrap()), ["a private key"]);
    }
}
