#!/bin/sh
# Makes the database on the first start, then runs the server. POSTGRES_USER and POSTGRES_PASSWORD are required.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  rm -rf "$PGDATA.new"
  printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
  initdb --pgdata="$PGDATA.new" --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$PGDATA.new/pg_hba.conf"
  printf 'create database registry;\n' | postgres --single -D "$PGDATA.new" postgres
  # Renamed last, so that an interrupted first start begins again.
  mv "$PGDATA.new" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*'
