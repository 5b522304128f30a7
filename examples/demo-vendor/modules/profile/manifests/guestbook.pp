# @summary The guestbook: a Node application from the bundle, run by systemd.
class profile::guestbook {
  $app     = lookup('slipway::apps')['guestbook']
  $release = "${settings::environmentpath}/${environment}"
  $home    = '/opt/guestbook'
  $folder  = "${home}/${app['version']}"

  ensure_packages(['nodejs'])

  user { 'guestbook':
    ensure => present,
    system => true,
    home   => $home,
    shell  => '/usr/sbin/nologin',
  }

  # The role has the user's name, which is all that identifies it. postgresql::server::role and ::database
  # would ask the server thirteen questions at every run, and these ask two: that is most of an idle run's time.
  postgresql_psql { 'CREATE ROLE guestbook LOGIN':
    unless  => "SELECT 1 FROM pg_roles WHERE rolname = 'guestbook'",
    require => Class['postgresql::server'],
  }

  postgresql_psql { 'CREATE DATABASE guestbook OWNER guestbook':
    unless  => "SELECT 1 FROM pg_database WHERE datname = 'guestbook'",
    require => Postgresql_psql['CREATE ROLE guestbook LOGIN'],
  }

  file { [$home, $folder]:
    ensure => directory,
    owner  => 'root',
    group  => 'root',
    mode   => '0755',
  }

  # the mark is made last, so that a half unpacked archive is unpacked again after a power cut
  archive { "${home}/guestbook.tgz":
    source          => "file://${release}/${app['file']}",
    checksum        => $app['sha256'],
    checksum_type   => 'sha256',
    extract         => true,
    extract_path    => $folder,
    extract_command => 'tar -xzf %s --strip-components=1 --no-same-owner && sync && touch .unpacked',
    creates         => "${folder}/.unpacked",
    cleanup         => true,
    require         => File[$folder],
  }

  file { "${home}/current":
    ensure  => link,
    target  => $app['version'],
    require => Archive["${home}/guestbook.tgz"],
  }

  # owned by root: whoever can write to a folder could lead root's logrotate astray. systemd opens the log for the service.
  file { '/var/log/guestbook':
    ensure => directory,
    owner  => 'root',
    group  => 'adm',
    mode   => '0750',
  }

  file { '/etc/systemd/system/guestbook.service':
    ensure => file,
    owner  => 'root',
    group  => 'root',
    mode   => '0644',
    source => 'puppet:///modules/profile/guestbook.service',
  }

  service { 'guestbook':
    ensure    => running,
    enable    => true,
    require   => [
      File['/var/log/guestbook'],
      Package['nodejs'],
      Postgresql_psql['CREATE DATABASE guestbook OWNER guestbook'],
      User['guestbook'],
    ],
    subscribe => [File['/etc/systemd/system/guestbook.service'], File["${home}/current"]],
  }
}
