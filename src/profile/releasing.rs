//! What is decided about a customer's releases. It changes no byte of an image, so no plan has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is decided about this customer's releases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Releasing {
    /// What the leak check finds and may stay in the image.
    pub allow: Vec<Allowed>,
}

/// One thing that looks like a secret and may stay in the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// The rule, as `slipway leaks` names it.
    pub rule: LeakRule,
    /// The file, or a folder with everything below it: a path in the image.
    #[schemars(extend("format" = "found-path"))]
    pub path: String,
    /// Why it may stay: whoever looks at the release next year wants to know.
    #[schemars(extend("format" = "line"))]
    pub reason: String,
}

/// What must not be in an image.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LeakRule {
    /// A private key.
    PrivateKey,
    /// A key of the SSH server: the machine makes its own.
    HostKey,
    /// The machine's id.
    MachineId,
    /// Saved randomness.
    RandomSeed,
    /// A certificate that was made for the building machine, or by a machine for itself.
    Certificate,
    /// A file that programs keep passwords in.
    Credentials,
    /// The hash of a password.
    PasswordHash,
    /// A key of AWS.
    AwsKey,
    /// A key or a shared access signature of Azure.
    AzureKey,
    /// A key or a token of Google.
    GoogleKey,
    /// A token of GitHub.
    GithubToken,
    /// A token of GitLab.
    GitlabToken,
    /// A token of npm.
    NpmToken,
    /// A token or a webhook of Slack.
    SlackToken,
    /// A token of another service.
    OtherToken,
    /// A signed JSON web token.
    Jwt,
    /// The id or the name of another customer.
    OtherCustomer,
    /// A setting of another customer.
    OtherCustomersValue,
    /// What somebody typed.
    ShellHistory,
    /// The user, the host or a folder of the building machine.
    Builder,
    /// A part of an archive that was not searched: it is encrypted, damaged, or larger than any limit.
    NotSearched,
}
