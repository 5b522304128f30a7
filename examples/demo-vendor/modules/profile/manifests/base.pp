# @summary What every one of our machines has: limits, log rotation, time.
#
# @param fallback_time_servers
#   Asked when neither the customer nor DHCP names a time server.
# @param open_files
#   How many files a login session may have open; services have their own limit in their unit.
class profile::base (
  Array[Stdlib::Host] $fallback_time_servers,
  Integer[1024] $open_files,
) {
  # baked into the image: this only complains if one is missing
  ensure_packages(['logrotate', 'systemd-timesyncd'])

  file { '/etc/security/limits.d/50-appliance.conf':
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => epp('profile/limits.conf.epp', { 'open_files' => $open_files }),
  }

  file { '/etc/logrotate.d/appliance':
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    source  => 'puppet:///modules/profile/logrotate',
    require => Package['logrotate'],
  }

  file { '/etc/systemd/timesyncd.conf.d':
    ensure => directory,
    owner  => 'root',
    group  => 'root',
    mode   => '0755',
  }

  file { '/etc/systemd/timesyncd.conf.d/50-appliance.conf':
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => epp('profile/timesyncd.conf.epp', { 'servers' => $fallback_time_servers }),
  }

  service { 'systemd-timesyncd':
    ensure    => running,
    enable    => true,
    require   => Package['systemd-timesyncd'],
    subscribe => File['/etc/systemd/timesyncd.conf.d/50-appliance.conf'],
  }
}
