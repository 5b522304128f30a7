# A port of the application that is open to others once the machine is READY. Ports of health checks and of the profile's
# HTTP probes are open without it.
#
#   slipway::port { '443': }
#   slipway::port { 'syslog': port => 514, protocol => 'udp' }
#   slipway::port { 'all': }      the site has a firewall of its own
define slipway::port (
  Variant[Integer[1, 65535], Pattern[/\A\d{1,5}(-\d{1,5})?\z/], Enum['all']] $port = $title,
  Enum['tcp', 'udp'] $protocol = 'tcp',
) {
  include slipway::ports

  $line = $port ? {
    'all'   => "all\n",
    default => "${protocol} ${port}\n",
  }

  file { "/etc/slipway/ports.d/${protocol}-${port}":
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => $line,
  }
}
