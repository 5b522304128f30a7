include slipway::sentinel

file { '/etc/motd':
  ensure  => file,
  owner   => 'root',
  group   => 'root',
  mode    => '0644',
  content => lookup('motd'),
}

# what the appliance is for: it is served even when a later run fails
file { '/var/www/html/index.html':
  ensure  => file,
  owner   => 'root',
  group   => 'root',
  mode    => '0644',
  content => "still serving\n",
}
-> service { 'nginx':
  ensure => running,
  enable => true,
}

# the first run leaves the mark at which every later one fails
exec { 'expire on purpose':
  command => '/bin/sh -c "echo the licence has expired >&2; exit 7"',
  onlyif  => '/usr/bin/test -e /var/lib/expiring',
}
-> file { '/var/lib/expiring':
  ensure => file,
  owner  => 'root',
  group  => 'root',
  mode   => '0644',
}
