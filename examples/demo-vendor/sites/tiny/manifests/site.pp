# Proves to the appliance that this release's catalog was applied.
include slipway::sentinel

file { '/etc/motd':
  ensure  => file,
  owner   => 'root',
  group   => 'root',
  mode    => '0644',
  content => lookup('motd'),
}
