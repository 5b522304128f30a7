//! What each kind of value may hold, so that it can never break out of where it is used: file
//! names, shell, Puppet, Hiera, the kernel's command line.
//!
//! Every rule says what is allowed, never what is forbidden: a list of dangerous characters is
//! never complete. Consumers still quote; this is the second lock on the door.

mod names;
mod net;
mod paths;
mod patterns;
mod sizes;
mod ssh;
mod text;
mod zones;

pub(super) use net::{interface, is_reserved_in, same_network};
pub(super) use ssh::in_words as key_in_words;
pub(super) use text::plain_value;
pub(super) use zones::{OLD_NAMES, names as time_zones, replacement};

use super::diagnostic::{Diagnostic, Place};

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// One fact: what the value is not.
    pub message: String,
    /// What is wrong in it, or what was meant.
    pub label: String,
    /// What is allowed.
    pub help: Vec<String>,
}

impl Complaint {
    fn new(message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { message: message.into(), label: label.into(), help: Vec::new() }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Without a place, for prompts and arguments.
    pub fn in_one_line(self) -> String {
        let mut line = format!("{}: {}", self.message, self.label);
        for help in self.help {
            line.push_str("; ");
            line.push_str(&help);
        }
        line
    }

    /// The complaint about the value at a place.
    pub fn at(self, place: &Place) -> Diagnostic {
        Diagnostic { help: self.help, ..Diagnostic::at(place, self.message, self.label) }
    }
}

type Verdict = Result<(), Complaint>;

/// The kinds of text that profiles hold. The schema names them in `format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Amount,
    Banner,
    Base,
    BundleVersion,
    Channel,
    CustomerId,
    DiskSize,
    FileMode,
    FileText,
    FoundPath,
    HostName,
    HttpPath,
    ImagePath,
    InterfaceAddress,
    IpAddress,
    Line,
    MemorySize,
    Name,
    Notes,
    OpenAddress,
    Package,
    Parent,
    Proxy,
    Site,
    SourcePath,
    SshPublicKey,
    Store,
    TimeServer,
    TimeZone,
    Unit,
    WebAddress,
}

impl Rule {
    /// Every rule with its name in the schema.
    pub const ALL: [(Self, &'static str); 31] = [
        (Self::Amount, "amount"),
        (Self::Banner, "banner"),
        (Self::Base, "base"),
        (Self::BundleVersion, "bundle-version"),
        (Self::Channel, "channel"),
        (Self::CustomerId, "customer-id"),
        (Self::DiskSize, "disk-size"),
        (Self::FileMode, "file-mode"),
        (Self::FileText, "file-text"),
        (Self::FoundPath, "found-path"),
        (Self::HostName, "host-name"),
        (Self::HttpPath, "http-path"),
        (Self::ImagePath, "image-path"),
        (Self::InterfaceAddress, "interface-address"),
        (Self::IpAddress, "ip-address"),
        (Self::Line, "line"),
        (Self::MemorySize, "memory-size"),
        (Self::Name, "name"),
        (Self::Notes, "notes"),
        (Self::OpenAddress, "open-address"),
        (Self::Package, "package"),
        (Self::Parent, "parent"),
        (Self::Proxy, "proxy"),
        (Self::Site, "site"),
        (Self::SourcePath, "source-path"),
        (Self::SshPublicKey, "ssh-public-key"),
        (Self::Store, "store"),
        (Self::TimeServer, "time-server"),
        (Self::TimeZone, "time-zone"),
        (Self::Unit, "unit"),
        (Self::WebAddress, "web-address"),
    ];

    /// The rule with this name in the schema.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(rule, _)| *rule)
    }

    /// Checks a text against this rule.
    pub fn check(self, text: &str) -> Verdict {
        match self {
            Self::Amount => sizes::amount(text),
            Self::Banner => text::banner(text),
            Self::Base => names::base(text),
            Self::BundleVersion => names::bundle_version(text),
            Self::Channel => names::slug(text, "a channel"),
            Self::CustomerId => names::slug(text, "a customer's id"),
            Self::DiskSize => sizes::disk(text),
            Self::FileMode => paths::mode(text),
            Self::FileText => text::file(text),
            Self::FoundPath => paths::found(text),
            Self::HostName => net::host_name(text),
            Self::HttpPath => net::http_path(text),
            Self::ImagePath => paths::image(text),
            Self::InterfaceAddress => net::interface(text).map(|_| ()),
            Self::IpAddress => net::ip(text),
            Self::Line => text::line(text),
            Self::MemorySize => sizes::memory(text),
            Self::Name => text::name(text),
            Self::Notes => text::notes(text),
            Self::OpenAddress => net::open_address(text),
            Self::Package => names::package(text),
            Self::Parent => names::slug(text, "a parent's name"),
            Self::Proxy => net::proxy(text),
            Self::Site => names::slug(text, "a site's name"),
            Self::SourcePath => paths::source(text),
            Self::SshPublicKey => ssh::public_key(text),
            Self::Store => net::store(text),
            Self::TimeServer => net::time_server(text),
            Self::TimeZone => zones::time_zone(text),
            Self::Unit => names::unit(text),
            Self::WebAddress => net::web_address(text),
        }
    }

    /// The same for editors, as a regular expression of JSON Schema; coarser than [`Rule::check`].
    pub fn pattern(self) -> Option<String> {
        patterns::pattern(self)
    }
}
