//! The rules of Prometheus' text format, checked on a whole answer.

use std::collections::{BTreeMap, BTreeSet};

/// Stops at the first rule that is broken.
pub fn check(text: &str) {
    let (mut kinds, mut helped) = (BTreeMap::new(), BTreeSet::new());
    let mut seen = BTreeSet::new();
    let mut buckets: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut values: BTreeMap<String, f64> = BTreeMap::new();
    let mut last_family = String::new();
    let mut ended = BTreeSet::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(
                !help.is_empty() && helped.insert(name.to_string()),
                "{line}"
            );
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(kinds.insert(name.to_string(), kind).is_none(), "{line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{line}"
        );
        assert!(seen.insert(series.to_string()), "twice: {line}");
        for pair in labels.split("\",").filter(|pair| !pair.is_empty()) {
            let (label, value) = pair.split_once("=\"").unwrap();
            assert!(
                label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{line}"
            );
            assert!(!value.trim_end_matches('"').contains('"'), "{line}");
        }
        let ends = ["_bucket", "_sum", "_count"];
        let stem = ends.iter().find_map(|end| name.strip_suffix(end));
        let histogram = stem.filter(|stem| kinds.get(*stem) == Some(&"histogram"));
        let family = histogram.unwrap_or(name);
        let kind = kinds
            .get(family)
            .unwrap_or_else(|| panic!("no TYPE: {line}"));
        assert!(helped.contains(family), "no HELP: {line}");
        assert_eq!(*kind == "counter", name.ends_with("_total"), "{line}");
        if *kind != "gauge" {
            assert!(value >= 0.0, "{line}");
        }
        // A family stands in one piece.
        if family != last_family {
            assert!(ended.insert(family.to_string()), "in two pieces: {line}");
            last_family = family.to_string();
        }
        if name.ends_with("_bucket") {
            let others: Vec<&str> = labels
                .split(',')
                .filter(|l| !l.starts_with("le="))
                .collect();
            let key = format!("{family}{{{}}}", others.join(","));
            let list = buckets.entry(key).or_default();
            assert!(list.last().is_none_or(|last| *last <= value), "{line}");
            list.push(value);
        }
        values.insert(series.to_string(), value);
    }
    for (key, list) in &buckets {
        let count = key.replacen('{', "_count{", 1).replace("{}", "");
        assert_eq!(values.get(&count), list.last(), "{count}");
        assert!(text.contains("le=\"+Inf\""));
    }
    assert!(buckets.len() >= 6, "{buckets:?}");
    assert!(values["edge_agent_frames_total"] > 0.0);
    assert!(values["edge_agent_sink_delivered_total{sink=\"standard output\"}"] >= 1.0);
    assert!(values["edge_agent_stage_seconds_count{stage=\"gate\"}"] > 0.0);
    for name in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "edge_agent_uptime_seconds",
    ] {
        assert!(values[name] > 0.0, "{name}");
    }
    let colours = values
        .keys()
        .filter(|k| k.starts_with("edge_agent_events_total"));
    assert!(colours.count() >= 13);
}
