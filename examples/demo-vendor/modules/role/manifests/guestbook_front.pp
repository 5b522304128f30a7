# @summary The guestbook without a database of its own: the customer's PostgreSQL keeps the entries.
class role::guestbook_front {
  contain profile::base
  contain profile::guestbook
  contain profile::web

  Class['profile::base']
  -> Class['profile::guestbook']
  -> Class['profile::web']
}
