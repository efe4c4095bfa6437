//! `edge-agent config`: prints what a config can say, for people or for an editor. Reads no
//! config.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;

use super::Config;

/// The sample file: every key with its default.
pub const SAMPLE: &str = include_str!("../../agent.example.toml");

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Args {
    /// Print the JSON Schema of the config file
    #[arg(long)]
    schema: bool,
    /// Print the sample file, which explains every key and states its default
    #[arg(long)]
    default: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text = if args.schema {
        serde_json::to_string_pretty(&schemars::schema_for!(Config))? + "\n"
    } else {
        SAMPLE.to_string()
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_knows_every_table_and_refuses_unknown_keys() {
        let schema = serde_json::to_value(schemars::schema_for!(Config)).unwrap();
        assert_eq!(schema["additionalProperties"], false);
        let named = schema["properties"].as_object().unwrap();
        let written = serde_json::to_value(Config::default()).unwrap();
        for key in written.as_object().unwrap().keys() {
            assert!(named.contains_key(key), "{key}");
        }
        let gate = &schema["$defs"]["GateConfig"];
        assert_eq!(gate["properties"]["cell_px"]["type"], "integer", "{gate}");
        assert_eq!(gate["properties"]["cell_px"]["default"], 4, "{gate}");
        let text = gate["properties"]["cell_px"]["description"].as_str();
        assert!(text.is_some_and(|text| text.contains("cells")), "{gate}");
    }
}
