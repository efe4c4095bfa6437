//! What events cost in the database: a month of a thousand devices through the collector's own
//! statement, then the sizes of the tables. PostgreSQL alone, without TimescaleDB's compression.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

use crate::collector::Message;
use crate::database::Database;
use crate::event::event;

/// Rows in one transaction, as the collector writes them.
const BATCH: u64 = 1000;
/// Simulated devices.
const DEVICES: usize = 1000;
/// How long their events reach back.
const SECONDS: u64 = 30 * 86_400;

/// What was measured.
pub struct Report {
    rows: u64,
    seconds: f64,
    event: u64,
    of_which_index: u64,
    hour_rows: u64,
    hour: u64,
}

/// Runs it; none, and a word why, where there is no PostgreSQL.
pub fn run(rows: u64) -> Result<Option<Report>> {
    let Some(database) = Database::start()? else {
        return Ok(None);
    };
    let mut chance = fastrand::Rng::with_seed(1);
    let first = Timestamp::now() - SignedDuration::from_secs(SECONDS as i64);
    let mut seconds = 0.0;
    let mut said = Instant::now();
    for start in (0..rows).step_by(BATCH as usize) {
        let batch: Vec<Message> = (start..rows.min(start + BATCH))
            .map(|row| {
                let after = SECONDS as f64 * row as f64 / rows as f64;
                let time = first + SignedDuration::from_secs_f64(after);
                let device = format!("device-{}", chance.usize(..DEVICES));
                let told = event(
                    &device,
                    row / DEVICES as u64 + 1,
                    &format!("{time:.3}"),
                    &mut chance,
                );
                Message {
                    time: time.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string(),
                    topic: format!("edge-agent/{device}/event"),
                    value: told.to_string(),
                }
            })
            .collect();
        let begun = Instant::now();
        database.copy(&batch)?;
        seconds += begun.elapsed().as_secs_f64();
        let stored = rows.min(start + BATCH);
        if said.elapsed() > Duration::from_secs(5) {
            said = Instant::now();
            let share = 100 * stored / rows;
            eprintln!("{share:>3} %  {stored} of {rows} events stored");
        }
    }
    let number = |sql: &str| -> Result<u64> {
        let told = database.sql(sql)?;
        told.parse().with_context(|| format!("{sql}: {told:?}"))
    };
    let stored = number("SELECT count(*) FROM events")?;
    let hour_rows = number("SELECT count(*) FROM hourly")?;
    Ok(Some(Report {
        rows: stored,
        seconds,
        event: number("SELECT pg_total_relation_size('events')")? / stored.max(1),
        of_which_index: number("SELECT pg_indexes_size('events')")? / stored.max(1),
        hour_rows,
        hour: number("SELECT pg_total_relation_size('hourly')")? / hour_rows.max(1),
    }))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "stored        {} events in {:.0} s, {:.0} a second",
            self.rows,
            self.seconds,
            self.rows as f64 / self.seconds
        )?;
        writeln!(
            f,
            "an event      {} bytes, of which {} of index",
            self.event, self.of_which_index
        )?;
        write!(
            f,
            "an hour       {} bytes for each device, colour and reason ({} of them)",
            self.hour, self.hour_rows
        )
    }
}
