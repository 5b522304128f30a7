# @summary nginx on port 80, in front of the guestbook.
#
# @param upload_limit
#   The largest request, as nginx writes sizes.
class profile::web (
  Pattern[/\A\d+[km]?\z/] $upload_limit,
) {
  ensure_packages(['nginx-light'])

  file { '/etc/nginx/conf.d/guestbook.conf':
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => epp('profile/guestbook.nginx.epp', {
      'upload_limit' => $upload_limit,
      # without IPv6 in the kernel, nginx would not start
      'ipv6'         => $facts.dig('networking', 'interfaces', 'lo', 'ip6') =~ NotUndef,
    }),
    require => Package['nginx-light'],
  }

  # the distribution's welcome page
  file { '/etc/nginx/sites-enabled/default':
    ensure  => absent,
    require => Package['nginx-light'],
  }

  service { 'nginx':
    ensure    => running,
    enable    => true,
    restart   => '/bin/systemctl reload-or-restart nginx.service',
    subscribe => [
      File['/etc/nginx/conf.d/guestbook.conf'],
      File['/etc/nginx/sites-enabled/default'],
    ],
  }
}
