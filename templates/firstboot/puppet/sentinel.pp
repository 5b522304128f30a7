# The proof that this release's own manifests were read: a site's site.pp says `include slipway::sentinel`, and the
# first boot finds the release id in the file. Included from outside (an ENC), it would prove nothing about the site.
class slipway::sentinel {
  include slipway::ports

  $release = strip(file("${settings::environmentpath}/${environment}/RELEASE_ID"))

  file { '/var/lib/slipway/converged-release':
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => "${release}\n",
  }
}
