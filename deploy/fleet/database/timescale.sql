-- What TimescaleDB adds: events in parts of a day, compressed after a week, dropped after
-- `keep_days`. Needs the extension; applied again it only changes the days.

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS timescaledb;

SELECT NOT EXISTS (
    SELECT FROM timescaledb_information.hypertables WHERE hypertable_name = 'events'
) AS is_new \gset
\if :is_new
    SELECT create_hypertable('events', 'time', chunk_time_interval => interval '1 day',
                             create_default_indexes => false, migrate_data => true);
    ALTER TABLE events SET (
        timescaledb.compress,
        timescaledb.compress_segmentby = 'device',
        timescaledb.compress_orderby = 'time DESC, id'
    );
    SELECT add_compression_policy('events', interval '7 days');
\endif

SELECT remove_retention_policy('events', if_exists => true);
SELECT add_retention_policy('events', make_interval(days => :keep_days));
