# @summary The guestbook's role and database in this machine's own PostgreSQL.
#
# The role has the user's name, which is all that identifies it. postgresql::server::role and ::database
# would ask the server thirteen questions at every run, and these ask two: that is most of an idle run's time.
class profile::own_database {
  postgresql_psql { 'CREATE ROLE guestbook LOGIN':
    unless  => "SELECT 1 FROM pg_roles WHERE rolname = 'guestbook'",
    require => Class['postgresql::server'],
  }

  postgresql_psql { 'CREATE DATABASE guestbook OWNER guestbook':
    unless  => "SELECT 1 FROM pg_database WHERE datname = 'guestbook'",
    require => Postgresql_psql['CREATE ROLE guestbook LOGIN'],
  }
}
