//! The files that the master's layer puts into an image.

const SCRIPT: u16 = 0o755;
const PLAIN: u16 = 0o644;

/// A file from templates/puppet with the place where it goes.
pub(super) struct Shipped {
    pub path: &'static str,
    pub mode: u16,
    pub text: &'static str,
}

macro_rules! shipped {
    ($path:expr, $mode:ident, $name:literal) => {
        Shipped {
            path: concat!($path, $name),
            mode: $mode,
            text: include_str!(concat!("../../../templates/puppet/", $name)),
        }
    };
}

/// What the master's start and its ahead-of-time compile share.
pub(super) const COMMON: Shipped = shipped!("/usr/lib/slipway/", PLAIN, "master-common.sh");
/// Compiles the server's code; it needs [`COMPILE_CODE`] and [`COMMON`].
pub(super) const COMPILE: Shipped = shipped!("/usr/lib/slipway/", SCRIPT, "master-compile");
/// Clojure; not a template.
pub(super) const COMPILE_CODE: Shipped = shipped!("/usr/lib/slipway/", PLAIN, "master-compile.clj");

/// All files that [`super::configure`] adds, in both modes. Without the package the server's files
/// are unused, which costs less than a second list that can go wrong.
pub(super) const CONFIGURED: [Shipped; 23] = [
    shipped!("/etc/puppet/", PLAIN, "puppet.conf"),
    shipped!("/etc/puppet/", PLAIN, "hiera.yaml"),
    shipped!("/etc/facter/", PLAIN, "facter.conf"),
    shipped!("/etc/slipway/", PLAIN, "master.env"),
    shipped!("/etc/slipway/puppetserver/", PLAIN, "slipway.conf"),
    shipped!("/etc/slipway/puppetserver/", PLAIN, "services.cfg"),
    shipped!("/etc/slipway/puppetserver/", PLAIN, "logback.xml"),
    shipped!("/etc/systemd/system/", PLAIN, "puppetserver.service.d/slipway.conf"),
    shipped!("/usr/lib/slipway/", SCRIPT, "master-setup"),
    shipped!("/usr/lib/slipway/", SCRIPT, "master-check"),
    shipped!("/usr/lib/slipway/", SCRIPT, "master-start"),
    shipped!("/usr/lib/slipway/", SCRIPT, "master-stop"),
    shipped!("/usr/lib/slipway/", SCRIPT, "master-run"),
    shipped!("/usr/lib/slipway/", SCRIPT, "master-wait"),
    shipped!("/usr/lib/slipway/", SCRIPT, "converge-once"),
    shipped!("/usr/lib/slipway/", SCRIPT, "converge-report"),
    shipped!("/usr/lib/slipway/", SCRIPT, "plugin-copy"),
    shipped!("/usr/lib/slipway/", SCRIPT, "mask"),
    shipped!("/usr/lib/slipway/", PLAIN, "secrets.rb"),
    shipped!("/usr/lib/slipway/", PLAIN, "autoload.rb"),
    shipped!("/usr/lib/slipway/", PLAIN, "await-master.rb"),
    shipped!("/usr/lib/slipway/", PLAIN, "ruby/puppet.rb"),
    COMMON,
];
