//! Defaults, the sample file, and what is told of a file that cannot be used.

use super::*;

fn refusal(text: &str) -> String {
    Config::parse(text, Path::new("agent.toml"))
        .unwrap_err()
        .to_string()
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(
        Config::parse("", Path::new("x")).unwrap(),
        Config::default()
    );
}

#[test]
fn the_sample_file_states_every_default() {
    let text = include_str!("../../agent.example.toml");
    assert_eq!(
        Config::parse(text, Path::new("x")).unwrap(),
        Config::default()
    );
    // Each key stands there as a comment, so that uncommenting any one changes nothing.
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("#: ") {
            Some(setting) => format!("{setting}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    let parsed = Config::parse(&uncommented, Path::new("x")).unwrap();
    assert_eq!(parsed, Config::default());
    for table in [
        toml::to_string(&Config::default().bundle).unwrap(),
        toml::to_string(&Config::default().roi).unwrap(),
        toml::to_string(&Config::default().gate).unwrap(),
        toml::to_string(&Config::default().track).unwrap(),
        toml::to_string(&Config::default().vote).unwrap(),
        toml::to_string(&Config::default().jsonl).unwrap(),
        toml::to_string(&Config::default().mqtt).unwrap(),
        toml::to_string(&Config::default().webhook).unwrap(),
        toml::to_string(&Config::default().gpio).unwrap(),
        toml::to_string(&Config::default().source).unwrap(),
        toml::to_string(&Config::default().http).unwrap(),
    ] {
        for key in table.lines().filter_map(|line| line.split_once(" = ")) {
            let stated = text.contains(&format!("#: {} = ", key.0)) || key.0 == "kind";
            assert!(stated, "{} is missing", key.0);
        }
    }
}

/// The config that the Debian package installs, as it is and with its examples in force.
#[test]
fn the_packages_config_can_be_used() {
    let text = include_str!("../../../deploy/debian/agent.toml");
    let path = Path::new("agent.toml");
    let plain = Config::parse(text, path).unwrap();
    assert!(plain.source.is_live() && plain.pins.is_empty());
    let config = Config::parse(&text.replace("#+ ", ""), path).unwrap();
    assert_eq!((config.pins.len(), config.rules.len()), (1, 1));
    assert!(config.http.listen.is_some() && config.http.token_file.is_some());
    let labels = models::Bundle::shipped().unwrap();
    assert_eq!(config.check_rules(Some(&labels.manifest().labels)), Ok(()));
}

/// The lines that begin with `#+ ` with the mark taken away.
fn examples() -> String {
    let text = include_str!("../../agent.example.toml");
    let example = |line: &str| Some(format!("{}\n", line.strip_prefix("#+ ")?));
    text.lines().filter_map(example).collect()
}

#[test]
fn the_sample_files_examples_can_be_used() {
    let text = examples();
    let config = Config::parse(&text, Path::new("x")).unwrap();
    let counts = (config.lanes.len(), config.pins.len(), config.rules.len());
    assert_eq!(counts, (2, 2, 5));
    let labels = models::Bundle::shipped().unwrap();
    assert_eq!(config.check_rules(Some(&labels.manifest().labels)), Ok(()));
    // Between them they show every key there is.
    for key in [
        &["number", "name", "polygon_px", "direction"][..],
        &["line", "chip", "active_low", "safe"],
        &[
            "when",
            "between",
            "days",
            "without_clock",
            "every_ms",
            "max_per_minute",
            "then",
        ],
        &[
            "colour",
            "lane",
            "camera",
            "min_score",
            "unknown",
            "wrong_way",
        ],
        &["pulse", "hold", "set", "log", "pin", "hold_ms", "level"],
        &[
            "min_width_px",
            "max_width_px",
            "min_height_px",
            "max_height_px",
            "min_aspect",
            "max_aspect",
        ],
    ]
    .concat()
    {
        let stands = |line: &str| line.contains(&format!("{key} = "));
        assert!(text.lines().any(stands), "{key} is missing");
    }
    for table in [
        toml::to_string(&config.lanes[0]).unwrap(),
        toml::to_string(&config.pins[1]).unwrap(),
        toml::to_string(&config.rules[0]).unwrap(),
        toml::to_string(&config.shape).unwrap(),
    ] {
        for (key, _) in table.lines().filter_map(|line| line.split_once(" = ")) {
            assert!(text.contains(&format!("{key} = ")), "{key} is missing");
        }
    }
}

#[test]
fn refusals_are_one_line_with_place_and_choice() {
    for (text, starts) in [
        (
            "camra = \"x\"",
            "agent.toml:1: camra: unknown key; allowed: camera, realtime, time_zone, mode",
        ),
        (
            "\n[gate]\nsize = 3",
            "agent.toml:3: gate.size: unknown key; allowed: cell_px, warm_up_ms",
        ),
        (
            "[gate]\ncell_px = \"a\"",
            "agent.toml:2: gate.cell_px: invalid type: string \"a\"",
        ),
        (
            "[gate]\ncell_px = 0",
            "agent.toml: gate.cell_px = 0 is out of range; allowed: 1 to 64",
        ),
        (
            "[source]\nkind = \"tape\"",
            "agent.toml:2: source.kind: unknown value tape; allowed: replay, sim, v4l2",
        ),
        (
            "[source]\nkind = \"sim\"\nfbs = 3",
            "agent.toml:3: source.fbs: unknown key; allowed: scene, width, height",
        ),
        (
            "[source]\nkind = \"replay\"",
            "agent.toml: source.folder is missing; give a folder of pictures",
        ),
        (
            "[vote]\nreject_below = nan",
            "agent.toml: vote.reject_below = NaN is out of range",
        ),
        (
            "[source]\nkind = \"sim\"\nfps = 0",
            "agent.toml: source: a scene of 0 frames a second",
        ),
        (
            "camera = \" \"",
            "agent.toml: camera is empty; give the camera a name",
        ),
        (
            "mode = \"roi\"",
            "agent.toml: roi.rect_px is missing; mode = \"roi\" needs the place, such as { x",
        ),
        (
            "[[lane]]\nnumber = 1\npolygon = []",
            "agent.toml:3: lane.polygon: unknown key; allowed: number, name, polygon_px",
        ),
        (
            "[[rule]]\nwhen = { lane = 3 }\nthen = { log = \"x\" }",
            "agent.toml: rule 1: when.lane names 3; the config has no [[lane]]",
        ),
        (
            "[[rule]]\ndays = [\"monday\"]\nthen = { log = \"x\" }",
            "agent.toml:2: rule.days: unknown value monday; allowed: mon, tue, wed",
        ),
        (
            "[[rule]]\nbetween = \"7-19\"\nthen = { log = \"x\" }",
            "agent.toml:2: rule.between: \"7-19\" is no span of time; write it as",
        ),
        (
            "[[pin]]\nname = \"a\"\nline = true",
            "agent.toml:3: pin.line: a line is a number such as 17, or a name such as",
        ),
        (
            "time_zone = \"Mars/Olympus\"",
            "agent.toml: time_zone = \"Mars/Olympus\" is not known here; give a name such as",
        ),
        (
            "[gate]\nregion_px = [\n  [640, 360],\n  [0, 1], # [a]\n  [5, 5]\n]\ncel_px = 4",
            "agent.toml:7: gate.cel_px: unknown key; allowed: cell_px, warm_up_ms",
        ),
        (
            "[mqtt]\nhost = \"h\"\nspool = \"s/\"\n\
             [webhook]\nurl = \"http://h/\"\nspool = \"./s\"",
            "agent.toml: mqtt.spool and webhook.spool are the same folder; give each one",
        ),
        ("= 3", "agent.toml:1: "),
    ] {
        let told = refusal(text);
        assert!(told.starts_with(starts), "{text:?} gave {told:?}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let told = Config::read(Path::new("no/such.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        told.starts_with("no/such.toml: No such file or directory"),
        "{told}"
    );
    assert!(told.ends_with("give the path of a TOML file"), "{told}");
}

/// The parser tells of these no more than the table.
#[test]
fn what_is_wrong_in_the_source_is_told_with_its_line_and_key() {
    let camera = "[source]\nkind = \"v4l2\"\ndevice = \"x\"\n\n";
    for (text, told) in [
        (
            format!("{camera}exposure_us = \"manual\"\n[gate]\n"),
            "agent.toml:5: source.exposure_us: invalid value: string \"manual\", expected \"auto\" \
             or a whole number",
        ),
        (
            format!("{camera}focus = 0\ngain = 1.5"),
            "agent.toml:6: source.gain: invalid type: floating point 1.5, expected \"auto\" or a \
             whole number",
        ),
        (
            format!("{camera}width_px = \"1280\""),
            "agent.toml:5: source.width_px: invalid type: string \"1280\", expected u32",
        ),
        (
            format!("{camera}[source.controls]\npower = true"),
            "agent.toml:6: source.controls.power: invalid type: boolean true, expected i32",
        ),
        (
            "[source]\nkind = \"replay\"\nrepeat = -1".into(),
            "agent.toml:3: source.repeat: invalid value: integer -1, expected u32",
        ),
        (
            "[source]\nseed = 1.5\nkind = \"sim\"".into(),
            "agent.toml:2: source.seed: invalid type: floating point 1.5, expected u64",
        ),
        (
            "source.kind = \"sim\"\nsource.fps = \"fast\"".into(),
            "agent.toml:2: source.fps: invalid type: string \"fast\", expected u32",
        ),
        (
            "source = 3".into(),
            "agent.toml:1: source: invalid type: integer 3, expected internally tagged enum \
             SourceConfig",
        ),
        (
            "[source]\nfps = 3".into(),
            "agent.toml:1: source: missing field kind",
        ),
    ] {
        assert_eq!(refusal(&text), told, "{text}");
    }
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.toml");
    let mut text = "#".repeat((1 << 20) - 1) + "\n";
    std::fs::write(&path, &text).unwrap();
    assert_eq!(Config::read(&path).unwrap(), Config::default());
    text.push('\n');
    std::fs::write(&path, &text).unwrap();
    let told = Config::read(&path).unwrap_err().to_string();
    let expected = "agent.toml: it has more than 1 MiB; give the path of a TOML file";
    assert!(told.ends_with(expected), "{told}");
}
