-- What the fleet says, as tables. Can be applied again to a database that has it: that is also how
-- it is upgraded. Plain PostgreSQL; timescale.sql adds what TimescaleDB does better.
--
-- The collector copies every message into `inbox`. A trigger takes it apart there and stores
-- nothing in `inbox` itself, so that COPY, which knows no ON CONFLICT, cannot store an event twice
-- and one damaged message cannot keep a batch from being stored.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;

-- One row a vehicle. `device` is the part of the topic that the broker lets only that device write.
CREATE TABLE IF NOT EXISTS events (
    device       text        NOT NULL,
    time         timestamptz NOT NULL,
    id           text        NOT NULL,
    -- When the collector had it, in the first of its deliveries.
    received     timestamptz NOT NULL,
    colour       text        NOT NULL,
    score        real        NOT NULL,
    reason       text,
    direction    text        NOT NULL,
    lane         smallint,
    lane_name    text,
    wrong_way    boolean,
    early        boolean     NOT NULL,
    clock_synced boolean,
    sequence     bigint      NOT NULL,
    bundle       text        NOT NULL,
    -- The event's other fields; as text, which takes half the room of jsonb here.
    details      json        NOT NULL,
    PRIMARY KEY (device, time, id)
);
CREATE INDEX IF NOT EXISTS events_time ON events (time);

-- Events without a time of the day that can be: of recorded or drawn frames, or of a device whose
-- clock is more than a day ahead or sixty days behind. Kept, and in no count.
CREATE TABLE IF NOT EXISTS untimed_events (
    device   text        NOT NULL,
    id       text        NOT NULL,
    received timestamptz NOT NULL,
    event    jsonb       NOT NULL,
    PRIMARY KEY (device, id)
);

-- Vehicles for each hour, so that no question about many has to read single events. Stays when those
-- are dropped.
CREATE TABLE IF NOT EXISTS hourly (
    hour     timestamptz NOT NULL,
    device   text        NOT NULL,
    colour   text        NOT NULL,
    -- Empty when the colour is known.
    reason   text        NOT NULL,
    vehicles integer     NOT NULL,
    -- Of those with a synchronised clock: how many took more than ten seconds to get here, and the
    -- longest time that one took.
    late      integer    NOT NULL,
    longest_s real       NOT NULL,
    PRIMARY KEY (hour, device, colour, reason)
) WITH (fillfactor = 70);

-- One row a device that was ever heard.
CREATE TABLE IF NOT EXISTS devices (
    device              text        PRIMARY KEY,
    first_heard         timestamptz NOT NULL,
    -- "online" or "offline"; null before it was told.
    status              text,
    status_since        timestamptz,
    last_event          timestamptz,
    last_event_received timestamptz,
    last_colour         text,
    last_score          real,
    last_sequence       bigint,
    clock_synced        boolean,
    bundle              text,
    -- Deliveries of events that were there already.
    repeated            bigint      NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Every change of a device's status.
CREATE TABLE IF NOT EXISTS status_changes (
    device text        NOT NULL,
    since  timestamptz NOT NULL,
    status text        NOT NULL,
    PRIMARY KEY (device, since)
);

-- Gaps in the numbers that a device gives its events, which arrive in their order.
CREATE TABLE IF NOT EXISTS missing_events (
    device  text        NOT NULL,
    noticed timestamptz NOT NULL,
    -- The first number that came after the gap.
    before  bigint      NOT NULL,
    missing bigint      NOT NULL
);
CREATE INDEX IF NOT EXISTS missing_events_noticed ON missing_events (noticed);

-- Messages that are no event and no status; the newest 10,000.
CREATE TABLE IF NOT EXISTS rejected (
    number   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received timestamptz NOT NULL,
    topic    text,
    why      text        NOT NULL,
    message  text
);

-- What the collector writes to: the columns that Telegraf makes of a message.
CREATE TABLE IF NOT EXISTS inbox (
    time  timestamp,
    topic text,
    value text
);

CREATE OR REPLACE FUNCTION take_status(device_name text, told text, heard timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF told NOT IN ('online', 'offline') THEN
        RAISE EXCEPTION 'a status is online or offline';
    END IF;
    INSERT INTO devices AS d (device, first_heard, status, status_since)
    VALUES (device_name, heard, told, heard)
    ON CONFLICT (device) DO UPDATE
        SET status = excluded.status, status_since = excluded.status_since
        -- The broker tells the status again whenever the collector comes back.
        WHERE d.status IS DISTINCT FROM excluded.status;
    IF FOUND THEN
        INSERT INTO status_changes VALUES (device_name, heard, told)
        ON CONFLICT (device, since) DO UPDATE SET status = excluded.status;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION take_event(device_name text, event jsonb, heard timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    told timestamptz := (event ->> 'time')::timestamptz;
    number bigint := (event ->> 'sequence')::bigint;
    took_s real := 0;
    previous bigint;
    is_new boolean;
BEGIN
    IF event ->> 'schema' IS DISTINCT FROM '1' THEN
        RAISE EXCEPTION 'not an event of schema 1';
    END IF;
    IF coalesce(told NOT BETWEEN heard - interval '60 days' AND heard + interval '1 day', true) THEN
        INSERT INTO untimed_events VALUES (device_name, event ->> 'id', heard, event)
        ON CONFLICT DO NOTHING;
        is_new := FOUND;
        told := NULL;
    ELSE
        INSERT INTO events VALUES (
            device_name, told, event ->> 'id', heard, event ->> 'colour',
            (event ->> 'score')::real, event ->> 'reason', event ->> 'direction',
            (event ->> 'lane')::smallint, event ->> 'lane_name', (event ->> 'wrong_way')::boolean,
            (event ->> 'early')::boolean, (event ->> 'clock_synced')::boolean,
            number, event ->> 'bundle',
            (event - '{schema,time,id,colour,score,reason,direction,lane,lane_name,wrong_way,early,clock_synced,sequence,bundle}'::text[])::json
        ) ON CONFLICT DO NOTHING;
        is_new := FOUND;
        IF is_new THEN
            IF (event ->> 'clock_synced')::boolean THEN
                took_s := extract(epoch FROM heard - told);
            END IF;
            INSERT INTO hourly AS h
            VALUES (date_trunc('hour', told, 'UTC'), device_name, event ->> 'colour',
                    coalesce(event ->> 'reason', ''), 1, (took_s > 10)::integer, took_s)
            ON CONFLICT (hour, device, colour, reason) DO UPDATE
                SET vehicles = h.vehicles + 1, late = h.late + excluded.late,
                    longest_s = greatest(h.longest_s, excluded.longest_s);
        END IF;
    END IF;
    IF is_new THEN
        SELECT last_sequence INTO previous FROM devices WHERE device = device_name;
        -- A lower number is the first of a new run of the agent.
        IF number > previous + 1 THEN
            INSERT INTO missing_events VALUES (device_name, heard, number, number - previous - 1);
        END IF;
        INSERT INTO devices AS d (device, first_heard, last_event, last_event_received,
                                  last_colour, last_score, last_sequence, clock_synced, bundle)
        VALUES (device_name, heard, told, heard, event ->> 'colour', (event ->> 'score')::real,
                number, (event ->> 'clock_synced')::boolean, event ->> 'bundle')
        ON CONFLICT (device) DO UPDATE
            SET last_event = coalesce(excluded.last_event, d.last_event),
                last_event_received = excluded.last_event_received,
                last_colour = excluded.last_colour, last_score = excluded.last_score,
                last_sequence = excluded.last_sequence, clock_synced = excluded.clock_synced,
                bundle = excluded.bundle;
    ELSE
        UPDATE devices SET repeated = repeated + 1 WHERE device = device_name;
    END IF;
END $$;

-- Runs with its owner's rights: the collector may write to `inbox` and to nothing else.
CREATE OR REPLACE FUNCTION take_message() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    levels text[] := string_to_array(NEW.topic, '/');
    kind text := levels[cardinality(levels)];
    device_name text := levels[cardinality(levels) - 1];
    heard timestamptz := coalesce(NEW.time AT TIME ZONE 'UTC', clock_timestamp());
BEGIN
    CASE kind
        WHEN 'event' THEN PERFORM take_event(device_name, NEW.value::jsonb, heard);
        WHEN 'status' THEN PERFORM take_status(device_name, NEW.value, heard);
        ELSE RAISE EXCEPTION 'no such topic';
    END CASE;
    RETURN NULL;
-- What is wrong with the message itself (nested too deeply, a name too long for an index), and
-- nothing else: a full disk must fail the batch, so that it comes again.
EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception
        OR program_limit_exceeded THEN
    INSERT INTO rejected (received, topic, why, message)
    VALUES (heard, left(NEW.topic, 200), left(SQLERRM, 200), left(NEW.value, 2000));
    DELETE FROM rejected WHERE number <= (SELECT max(number) - 10000 FROM rejected);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER take_message BEFORE INSERT ON inbox
FOR EACH ROW EXECUTE FUNCTION take_message();

COMMIT;
