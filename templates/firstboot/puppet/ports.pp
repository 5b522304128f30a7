# A port that the site no longer declares is closed again, after the run.
class slipway::ports {
  file { '/etc/slipway/ports.d':
    ensure  => directory,
    owner   => 'root',
    group   => 'root',
    mode    => '0755',
    recurse => true,
    purge   => true,
  }
}
