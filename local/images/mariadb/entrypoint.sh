#!/bin/sh
# Makes the database on the first start, then runs the server.
set -eu
data=/var/lib/mysql
options="--no-defaults --lc-messages-dir=/usr/share/mysql --datadir=$data/database"
if [ ! -e "$data/complete" ]; then
  # A server killed before its first checkpoint leaves files that it cannot read; --bootstrap ends with one.
  rm -rf "$data/database"
  mkdir "$data/database"
  # shellcheck disable=SC2086 # the options are words of their own
  echo "create database registry;" | /usr/sbin/mariadbd $options --bootstrap --skip-grant-tables
  sync
  touch "$data/complete"
fi
# It listens on its pod's own loopback only, so it keeps no users and no passwords.
# shellcheck disable=SC2086
exec /usr/sbin/mariadbd $options --socket=/tmp/mariadb.sock --bind-address=127.0.0.1 --skip-grant-tables --skip-networking=0
