include slipway::sentinel

# this works, so that there is one failure among successes
file { '/etc/motd':
  ensure  => file,
  owner   => 'root',
  group   => 'root',
  mode    => '0644',
  content => lookup('motd'),
}

exec { 'break on purpose':
  command => '/bin/sh -c "echo the licence server did not answer >&2; exit 7"',
}
