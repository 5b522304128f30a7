//! What a secret looks like: a beginning that a search finds at full speed, and what must follow.
//!
//! Patterns follow what the issuers document. A text in a manual that only looks like a secret (few different
//! characters, the issuer's own example) is none.

use super::LeakRule;
use super::shape::{
    Around, alnum, assigned, aws_id, aws_secret, azure_account, azure_signature, base64, body,
    count, dotted, hex, holds, jwt, names_host, path, pem, run, upper, url,
};

/// One kind of secret.
pub(super) struct Secret {
    /// How it begins.
    pub begins: &'static [u8],
    pub rule: LeakRule,
    pub what: &'static str,
    /// Whether what follows makes it one.
    pub is: fn(&Around<'_>) -> bool,
}

const fn secret(
    begins: &'static str,
    rule: LeakRule,
    what: &'static str,
    is: fn(&Around<'_>) -> bool,
) -> Secret {
    Secret { begins: begins.as_bytes(), rule, what, is }
}

/// Every kind. The table is the documentation.
pub(super) const SECRETS: &[Secret] = &[
    secret("-----BEGIN ", LeakRule::PrivateKey, "a private key", |a| pem(a, "PRIVATE KEY")),
    secret("-----BEGIN PGP PRIVATE KEY BLOCK", LeakRule::PrivateKey, "a private key of PGP", |a| {
        body(a.after)
    }),
    secret(
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY",
        LeakRule::PrivateKey,
        "a private key of SSH",
        |a| body(a.after),
    ),
    secret("PuTTY-User-Key-File-", LeakRule::PrivateKey, "a private key of PuTTY", |a| {
        holds(a.after, b"\nPrivate-Lines:")
    }),
    secret("AGE-SECRET-KEY-1", LeakRule::PrivateKey, "a private key of age", |a| {
        run(a, upper, 58..=58)
    }),
    secret("PrivateKey", LeakRule::PrivateKey, "a private key of WireGuard", |a| {
        assigned(a, base64, 43, b"=")
    }),
    secret(
        "-----BEGIN CERTIFICATE-----",
        LeakRule::Certificate,
        "a certificate with the building machine's name",
        names_host,
    ),
    secret("AKIA", LeakRule::AwsKey, "an access key of AWS", aws_id),
    secret("ASIA", LeakRule::AwsKey, "a temporary access key of AWS", aws_id),
    secret("aws_secret_access_key", LeakRule::AwsKey, "a secret key of AWS", aws_secret),
    secret("AWS_SECRET_ACCESS_KEY", LeakRule::AwsKey, "a secret key of AWS", aws_secret),
    secret("SecretAccessKey", LeakRule::AwsKey, "a secret key of AWS", aws_secret),
    secret("AccountKey=", LeakRule::AzureKey, "the key of a storage account", azure_account),
    secret("SharedAccessKey=", LeakRule::AzureKey, "a shared access key of Azure", |a| {
        run(a, base64, 43..=43)
    }),
    secret("sig=", LeakRule::AzureKey, "a shared access signature of Azure", azure_signature),
    secret("AIza", LeakRule::GoogleKey, "an API key of Google", |a| run(a, url, 35..=35)),
    secret("ya29.", LeakRule::GoogleKey, "an access token of Google", |a| run(a, url, 40..=4000)),
    secret("\"private_key_id\"", LeakRule::GoogleKey, "the key of a service account", |a| {
        assigned(a, hex, 40, b"\"")
    }),
    secret("ghp_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, alnum, 36..=36)),
    secret("gho_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, alnum, 36..=36)),
    secret("ghu_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, alnum, 36..=36)),
    secret("ghs_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, alnum, 36..=36)),
    secret("ghr_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, alnum, 36..=76)),
    secret("github_pat_", LeakRule::GithubToken, "a token of GitHub", |a| run(a, url, 60..=93)),
    secret("glpat-", LeakRule::GitlabToken, "a token of GitLab", |a| run(a, dotted, 20..=300)),
    secret("gldt-", LeakRule::GitlabToken, "a deploy token of GitLab", |a| {
        run(a, dotted, 20..=300)
    }),
    secret("glrt-", LeakRule::GitlabToken, "a runner's token of GitLab", |a| {
        run(a, dotted, 20..=300)
    }),
    secret("glcbt-", LeakRule::GitlabToken, "a job's token of GitLab", |a| {
        run(a, dotted, 20..=300)
    }),
    secret("glptt-", LeakRule::GitlabToken, "a trigger's token of GitLab", |a| {
        run(a, dotted, 20..=300)
    }),
    secret("npm_", LeakRule::NpmToken, "a token of npm", |a| run(a, alnum, 36..=36)),
    secret("_authToken", LeakRule::NpmToken, "a token in a file of npm's", |a| {
        assigned(a, dotted, 16, b"")
    }),
    secret("xoxb-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 20..=300)),
    secret("xoxp-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 20..=300)),
    secret("xoxa-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 20..=300)),
    secret("xoxs-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 20..=300)),
    secret("xoxr-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 20..=300)),
    secret("xapp-", LeakRule::SlackToken, "a token of Slack", |a| run(a, url, 30..=300)),
    secret("hooks.slack.com/services/", LeakRule::SlackToken, "a webhook of Slack", |a| {
        count(a.after, path) >= 40
    }),
    secret("sk_live_", LeakRule::OtherToken, "a secret key of Stripe", |a| run(a, alnum, 24..=300)),
    secret("rk_live_", LeakRule::OtherToken, "a restricted key of Stripe", |a| {
        run(a, alnum, 24..=300)
    }),
    secret("pypi-AgEIcHlwaS5vcmc", LeakRule::OtherToken, "a token of PyPI", |a| {
        run(a, url, 50..=1000)
    }),
    secret("dckr_pat_", LeakRule::OtherToken, "a token of Docker Hub", |a| run(a, url, 27..=27)),
    secret("dop_v1_", LeakRule::OtherToken, "a token of DigitalOcean", |a| run(a, hex, 64..=64)),
    secret("hvs.", LeakRule::OtherToken, "a token of Vault", |a| run(a, url, 24..=300)),
    secret("tskey-auth-", LeakRule::OtherToken, "a key of Tailscale", |a| run(a, url, 20..=100)),
    secret("SG.", LeakRule::OtherToken, "a key of SendGrid", |a| run(a, dotted, 66..=66)),
    secret("eyJ", LeakRule::Jwt, "a signed JSON web token", jwt),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&'static str> {
        found_on(text, None)
    }

    fn found_on(text: &str, host: Option<&str>) -> Vec<&'static str> {
        let judged = SECRETS.iter().filter(|secret| {
            let begins = std::str::from_utf8(secret.begins).unwrap();
            text.match_indices(begins).any(|(at, begins)| {
                let (before, after) =
                    (&text.as_bytes()[..at], &text.as_bytes()[at + begins.len()..]);
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
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-256-CBC,AB\r\n\r\n{LINE}\r\n"
            ),
            format!("{{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\n{LINE}\\n\"}}"),
            format!(
                "  -----BEGIN OPENSSH PRIVATE KEY-----\n  {}\n  {}\n",
                &LINE[..40],
                &LINE[..40]
            ),
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
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ed25519",
            "-nodes",
            "-subj",
            "/CN=build-7.vendor.example",
            "-keyout",
        ]);
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
