-- Who may what in the database. Applied again it changes the passwords to those it is given:
-- psql -v collector_password=… -v grafana_password=…

\set ON_ERROR_STOP on
BEGIN;
SELECT format('CREATE ROLE %I LOGIN', role) FROM unnest(ARRAY['collector', 'grafana']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec

ALTER ROLE collector PASSWORD :'collector_password';
ALTER ROLE grafana PASSWORD :'grafana_password';

-- SELECT is for the driver, which asks for the columns' types; the table is always empty.
GRANT INSERT, SELECT ON inbox TO collector;

GRANT SELECT ON events, untimed_events, hourly, devices, status_changes, missing_events, rejected
    TO grafana;
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';

-- The functions of the trigger run with their owner's rights and are nobody else's to call.
REVOKE EXECUTE ON FUNCTION take_message(), take_event(text, jsonb, timestamptz),
    take_status(text, text, timestamptz) FROM PUBLIC;
COMMIT;
