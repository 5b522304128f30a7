# @summary The guestbook: a Node application from the bundle, run by systemd.
#
# @param database_host
#   Where PostgreSQL is, if it is not on this machine: there, the role and the database `guestbook` exist already.
# @param database_password
#   The role's password there. On this machine it needs none.
class profile::guestbook (
  Optional[Stdlib::Host] $database_host = undef,
  Optional[Sensitive[Pattern[/\A[ -~]+\z/]]] $database_password = undef,
) {
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

  # systemd reads it as root, and the service sees only the variables
  file { '/etc/guestbook.env':
    ensure    => bool2str($database_host =~ NotUndef, 'file', 'absent'),
    owner     => 'root',
    group     => 'root',
    mode      => '0600',
    show_diff => false,
    content   => Sensitive(epp('profile/guestbook.env.epp', {
      'host'     => $database_host,
      'password' => $database_password,
    })),
  }

  service { 'guestbook':
    ensure    => running,
    enable    => true,
    require   => [File['/var/log/guestbook'], Package['nodejs'], User['guestbook']],
    subscribe => [
      File['/etc/guestbook.env'],
      File['/etc/systemd/system/guestbook.service'],
      File["${home}/current"],
    ],
  }
}
