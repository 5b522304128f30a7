//! Files that are added unchanged: scripts, units, settings and links.

/// The template of `/etc/slipway/slipway.conf`.
pub const CONF: &str = include_str!("../../../templates/firstboot/slipway.conf");
/// The template of the timer.
pub const TIMER: &str = include_str!("../../../templates/firstboot/slipway-converge.timer");

macro_rules! laid {
    ($($path:literal, $mode:literal, $from:literal;)*) => {
        &[$(($path, $mode, include_str!(concat!("../../../templates/firstboot/", $from)))),*]
    };
}

/// Path in the image, mode, text.
pub const FIXED: &[(&str, u16, &str)] = laid! {
    "/usr/lib/slipway/lib.sh", 0o644, "scripts/lib.sh";
    "/usr/lib/slipway/state.sh", 0o644, "scripts/state.sh";
    "/usr/lib/slipway/json-string", 0o755, "scripts/json-string";
    "/usr/lib/slipway/http-get", 0o755, "scripts/http-get";
    "/usr/lib/slipway/result-lines", 0o755, "scripts/result-lines";
    "/usr/lib/slipway/grow", 0o755, "scripts/grow";
    "/usr/lib/slipway/identity", 0o755, "scripts/identity";
    "/usr/lib/slipway/network", 0o755, "scripts/network";
    "/usr/lib/slipway/preflight", 0o755, "scripts/preflight";
    "/usr/lib/slipway/converge", 0o755, "scripts/converge";
    "/usr/lib/slipway/verify", 0o755, "scripts/verify";
    "/usr/lib/slipway/answers.sh", 0o644, "scripts/answers.sh";
    "/usr/lib/slipway/health", 0o755, "scripts/health";
    "/usr/lib/slipway/retry", 0o755, "scripts/retry";
    "/usr/lib/slipway/firewall", 0o755, "scripts/firewall";
    "/usr/lib/slipway/probes", 0o755, "scripts/probes";
    "/usr/lib/slipway/status-http", 0o755, "scripts/status-http";
    "/usr/lib/slipway/banner", 0o755, "scripts/banner";
    "/usr/lib/slipway/inputs", 0o755, "scripts/inputs";
    "/usr/lib/slipway/inputs-apply", 0o755, "scripts/inputs-apply";
    "/usr/lib/slipway/azure", 0o755, "scripts/azure";
    "/usr/lib/slipway/settings/xml.rb", 0o644, "settings/xml.rb";
    "/usr/lib/slipway/settings/sources.rb", 0o644, "settings/sources.rb";
    "/usr/lib/slipway/settings/cloud_config.rb", 0o644, "settings/cloud_config.rb";
    "/usr/lib/slipway/settings/network_config.rb", 0o644, "settings/network_config.rb";
    "/usr/lib/slipway/settings/values.rb", 0o644, "settings/values.rb";
    "/usr/lib/slipway/settings/doubt.rb", 0o644, "settings/doubt.rb";
    "/usr/lib/slipway/settings/apply.rb", 0o644, "settings/apply.rb";
    "/usr/lib/slipway/others.network", 0o644, "etc/others.network";
    "/usr/bin/slipway-status", 0o755, "scripts/slipway-status";
    "/usr/bin/slipway-settings", 0o755, "scripts/slipway-settings";
    "/usr/lib/systemd/system/slipway-grow.service", 0o644, "units/slipway-grow.service";
    "/usr/lib/systemd/system/slipway-identity.service", 0o644, "units/slipway-identity.service";
    "/usr/lib/systemd/system/slipway-firewall.service", 0o644, "units/slipway-firewall.service";
    "/usr/lib/systemd/system/slipway-health.service", 0o644, "units/slipway-health.service";
    "/usr/lib/systemd/system/slipway-retry.service", 0o644, "units/slipway-retry.service";
    "/usr/lib/systemd/system/slipway-inputs.service", 0o644, "units/slipway-inputs.service";
    "/usr/lib/systemd/system/slipway-azure.service", 0o644, "units/slipway-azure.service";
    "/usr/lib/systemd/system/slipway-converge.service", 0o644, "units/slipway-converge.service";
    "/usr/lib/systemd/system/slipway-status.socket", 0o644, "units/slipway-status.socket";
    "/usr/lib/systemd/system/slipway-status.service", 0o644, "units/slipway-status.service";
    "/usr/lib/systemd/system/slipway-banner.service", 0o644, "units/slipway-banner.service";
    "/etc/systemd/system-preset/10-slipway.preset", 0o644, "etc/10-slipway.preset";
    "/etc/systemd/system.conf.d/10-slipway.conf", 0o644, "etc/10-slipway-manager.conf";
    "/etc/sysctl.d/10-slipway-console.conf", 0o644, "etc/10-slipway-console.conf";
    "/etc/puppet/code/modules/slipway/manifests/sentinel.pp", 0o644, "puppet/sentinel.pp";
    "/etc/puppet/code/modules/slipway/manifests/ports.pp", 0o644, "puppet/ports.pp";
    "/etc/puppet/code/modules/slipway/manifests/port.pp", 0o644, "puppet/port.pp";
    "/etc/security/pwquality.conf.d/10-slipway.conf", 0o644, "etc/10-slipway-pwquality.conf";
    "/etc/systemd/journald.conf.d/10-slipway.conf", 0o644, "etc/10-slipway-journald.conf";
    "/etc/systemd/system/logrotate.timer.d/10-slipway.conf", 0o644, "etc/10-slipway-logrotate.conf";
};

/// Path in the image, target. Enabled units are links such as `systemctl enable` makes; a link to
/// /dev/null masks a unit.
pub const LINKS: &[(&str, &str)] = &[
    (
        "/etc/systemd/system/multi-user.target.wants/slipway-grow.service",
        "/usr/lib/systemd/system/slipway-grow.service",
    ),
    (
        "/etc/systemd/system/multi-user.target.wants/slipway-identity.service",
        "/usr/lib/systemd/system/slipway-identity.service",
    ),
    (
        "/etc/systemd/system/sysinit.target.wants/slipway-firewall.service",
        "/usr/lib/systemd/system/slipway-firewall.service",
    ),
    (
        "/etc/systemd/system/sysinit.target.wants/slipway-inputs.service",
        "/usr/lib/systemd/system/slipway-inputs.service",
    ),
    (
        "/etc/systemd/system/multi-user.target.wants/slipway-azure.service",
        "/usr/lib/systemd/system/slipway-azure.service",
    ),
    (
        "/etc/systemd/system/multi-user.target.wants/slipway-converge.service",
        "/usr/lib/systemd/system/slipway-converge.service",
    ),
    (
        "/etc/systemd/system/multi-user.target.wants/slipway-health.service",
        "/usr/lib/systemd/system/slipway-health.service",
    ),
    (
        "/etc/systemd/system/multi-user.target.wants/slipway-status.service",
        "/usr/lib/systemd/system/slipway-status.service",
    ),
    (
        "/etc/systemd/system/sockets.target.wants/slipway-status.socket",
        "/usr/lib/systemd/system/slipway-status.socket",
    ),
    (
        "/etc/systemd/system/multi-user.target.wants/slipway-banner.service",
        "/usr/lib/systemd/system/slipway-banner.service",
    ),
    // asks questions on the console and waits for answers
    ("/etc/systemd/system/systemd-firstboot.service", "/dev/null"),
    // the first console belongs to the banner; the second has the login, even where logind does not
    // start it by itself
    ("/etc/systemd/system/getty@tty1.service", "/dev/null"),
    (
        "/etc/systemd/system/getty.target.wants/getty@tty2.service",
        "/usr/lib/systemd/system/getty@.service",
    ),
    // the serial line is for machines: a login's reset of the port throws away what is still being
    // sent
    ("/etc/systemd/system/serial-getty@ttyS0.service", "/dev/null"),
];
