#!/bin/sh
# Sets up or upgrades the database. The image runs it once, when the database is made; after an
# upgrade of this folder: docker compose exec database sh /fleet/init.sh
set -eu
folder=${FLEET_SQL:-/fleet}
secrets=${FLEET_SECRETS:-/run/secrets}
sql() {
    psql -q -X -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d "${POSTGRES_DB:-fleet}" "$@"
}

sql -f "$folder/schema.sql"
# In a here-document, not on the command line, which everyone on the machine can read.
sql <<END
\set collector_password \`cat "$secrets/collector_db_password"\`
\set grafana_password \`cat "$secrets/grafana_db_password"\`
\i $folder/roles.sql
END
if [ "$(sql -At -c "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'")" = 1 ]; then
    sql -v keep_days="${FLEET_KEEP_DAYS:-90}" -f "$folder/timescale.sql" >/dev/null
else
    echo "no TimescaleDB here: events are neither compressed nor dropped" >&2
fi
