# @summary The guestbook appliance: one role, made of profiles.
class role::guestbook {
  contain profile::base
  contain profile::database
  contain profile::own_database
  contain profile::guestbook
  contain profile::web

  Class['profile::base']
  -> Class['profile::database']
  -> Class['profile::own_database']
  -> Class['profile::guestbook']
  -> Class['profile::web']
}
