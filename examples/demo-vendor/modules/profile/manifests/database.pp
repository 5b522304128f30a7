# @summary PostgreSQL with one cluster, made on the machine and reached only through its Unix socket.
#
# The operating system's user of the same name identifies a role: there is no password to make, keep or leak.
#
# @param version
#   The distribution's version of PostgreSQL, as in '15'.
class profile::database (
  Pattern[/\A\d+\z/] $version,
) {
  $cluster = "${version}-main"

  class { 'postgresql::globals':
    version      => $version,
    # the meta service `postgresql` is active even when no cluster runs
    service_name => "postgresql@${cluster}",
  }

  class { 'postgresql::server':
    package_name         => 'postgresql',
    service_status       => "systemctl is-active --quiet postgresql@${cluster}",
    # no TCP at all
    config_entries       => { 'listen_addresses' => '', 'max_connections' => '40' },
    # the module's defaults are for passwords over TCP
    pg_hba_conf_defaults => false,
    pg_hba_rules         => {
      'everyone as themselves' => {
        'type'        => 'local',
        'database'    => 'all',
        'user'        => 'all',
        'auth_method' => 'peer',
        'order'       => 1,
      },
    },
  }

  file { '/usr/local/sbin/make-cluster':
    ensure => file,
    owner  => 'root',
    group  => 'root',
    mode   => '0755',
    source => 'puppet:///modules/profile/make-cluster',
  }

  # the image has the packages and no cluster: each appliance gets an identity of its own
  exec { 'make the database cluster':
    command => "/usr/local/sbin/make-cluster ${version} main",
    unless  => "/usr/local/sbin/make-cluster --check ${version} main",
    timeout => 1800,
    require => [Class['postgresql::server::install'], File['/usr/local/sbin/make-cluster']],
    before  => Class['postgresql::server::initdb'],
  }
}
