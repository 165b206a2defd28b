#!/bin/sh
# Makes the database on the first start, then runs the server. Takes the variables that other MariaDB images take:
# MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD, MYSQL_ROOT_PASSWORD. Passwords are set at every start, so a new one takes over.
set -eu
for variable in MYSQL_DATABASE MYSQL_USER MYSQL_PASSWORD MYSQL_ROOT_PASSWORD; do
  eval "value=\${$variable:-}"
  # They become part of SQL statements.
  case $value in
    "" | *[!A-Za-z0-9_]*)
      echo "error: $variable must be set to letters, digits and underscores" >&2
      exit 1
      ;;
  esac
done
data=/var/lib/mysql
sql=/usr/share/mysql
options="--no-defaults --lc-messages-dir=$sql --datadir=$data/database"
if [ ! -e "$data/complete" ]; then
  # A server killed before its first checkpoint leaves files that it cannot read; --bootstrap ends with one.
  rm -rf "$data/database"
  mkdir "$data/database"
  {
    printf '%s\n' "create database mysql;" "use mysql;" "set @auth_root_socket=null;"
    cat $sql/mysql_system_tables.sql $sql/mysql_performance_tables.sql $sql/mysql_system_tables_data.sql
    echo "delete from mysql.global_priv where User = '';"
  # shellcheck disable=SC2086 # the options are words of their own
  } | /usr/sbin/mariadbd $options --bootstrap --skip-grant-tables
  sync
  touch "$data/complete"
fi
# Read from a pipe, so that no file holds the passwords.
# shellcheck disable=SC2086
exec /usr/sbin/mariadbd $options --socket=/tmp/mariadb.sock --skip-name-resolve --init-file=/dev/fd/3 3<<EOF
create database if not exists $MYSQL_DATABASE;
create user if not exists '$MYSQL_USER'@'%';
alter user '$MYSQL_USER'@'%' identified by '$MYSQL_PASSWORD';
grant all on $MYSQL_DATABASE.* to '$MYSQL_USER'@'%';
alter user 'root'@'localhost' identified by '$MYSQL_ROOT_PASSWORD';
EOF
