//! What the program says and how it exits when it is given something unusable. Needs no bundle.

mod common;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Told, program, run};

fn with_config(command: &str, text: &str) -> Told {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("agent.toml"), text).unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    run(folder.path(), &[command, "--config", "agent.toml"])
}

/// The program in `folder` after the shell's command `mount`, which nobody else sees; none where
/// nothing can be mounted.
fn with_mount(folder: &Path, mount: &str, arguments: &[&str]) -> Option<Told> {
    let unshare = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-ec"]);
        command.arg(format!("{mount}; exec \"$@\"")).arg("sh");
        command.arg(program).args(arguments).current_dir(folder);
        command.output()
    };
    match unshare(Path::new("true"), &[]) {
        Ok(output) if output.status.success() => {}
        failed => {
            eprintln!("skipped: no file system can be mounted here: {failed:?}");
            return None;
        }
    }
    let program = Path::new(env!("CARGO_BIN_EXE_edge-agent"));
    Some(unshare(program, arguments).unwrap().into())
}

#[test]
fn a_config_that_cannot_be_used_is_one_line_and_78() {
    let replay = |rest: &str| format!("[source]\nkind = \"replay\"\n{rest}\n");
    for (config, starts, names) in [
        (
            "[gate]\nsize = 1\n".to_string(),
            "agent.toml:2: gate.size: unknown key; allowed: ",
            "cell_px",
        ),
        (
            "[vote]\nviews = 0\n".to_string(),
            "agent.toml: vote.views = 0 is out of range; allowed: ",
            "1 to 50",
        ),
        (
            "camera = 3\n".to_string(),
            "agent.toml:1: camera: invalid type: ",
            "expected a string",
        ),
        ("camera = \n".to_string(), "agent.toml:1: camera: ", ""),
        (
            replay("folder = \"gone\""),
            "agent.toml: source.folder: cannot read gone: ",
            "give a folder",
        ),
        (
            replay("folder = \"empty\""),
            "agent.toml: source.folder: empty has no pictures; looked for ",
            "webp",
        ),
        (
            "[[lane]]\nnumber = 1\npolygon_px = [[700, 0], [800, 0], [800, 90]]\n".to_string(),
            "agent.toml: lane 1: polygon_px lies outside the picture, ",
            "640 x 360",
        ),
        (
            "mode = \"roi\"\nroi.rect_px = { x = 640, y = 0, width = 90, height = 90 }\n".into(),
            "agent.toml: roi.rect_px lies outside the picture, ",
            "640 x 360",
        ),
        (
            "[bundle]\npath = \"gone\"\n".to_string(),
            "agent.toml: bundle.path: bundle gone: ",
            "",
        ),
        (
            "[jsonl]\npath = \"\"\n".to_string(),
            "agent.toml: jsonl.path is empty; ",
            "a file",
        ),
        (
            "[jsonl]\npath = \"gone/e.jsonl\"\n".to_string(),
            "agent.toml: jsonl.path: cannot append to gone/e.jsonl: ",
            "",
        ),
        (
            "[webhook]\nurl = \"http://h/\"\nspool = \"agent.toml\"\n".to_string(),
            "agent.toml: webhook.spool: cannot use agent.toml: ",
            "",
        ),
    ] {
        let told = with_config("run", &config);
        assert_eq!(told.code, 78, "{config}{}", told.err);
        assert!(told.err.starts_with(starts), "{config}{}", told.err);
        assert!(told.err.contains(names), "{config}{}", told.err);
        assert_eq!(told.err.lines().count(), 1, "{}", told.err);
        assert_eq!(told.out, "");
        let told = with_config("check", &config);
        assert_eq!(told.code, 78, "{config}{}", told.out);
    }
}

#[test]
fn a_place_that_the_service_alone_may_not_write_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let srv = folder.path().join("srv");
    std::fs::create_dir(&srv).unwrap();
    let alone = "mount --bind srv srv; mount -o remount,ro,bind srv";
    for (config, place) in [
        ("[jsonl]\npath = \"srv/events.jsonl\"\n", "jsonl.path: "),
        ("[crops]\ndir = \"srv\"\n", "crops.dir: "),
        ("[mqtt]\nhost = \"h\"\nspool = \"srv\"\n", "mqtt.spool: "),
    ] {
        std::fs::write(folder.path().join("agent.toml"), config).unwrap();
        let with = |mount, command| {
            let arguments = [command, "--config", "agent.toml"];
            with_mount(folder.path(), mount, &arguments)
        };
        let Some(told) = with(alone, "check") else {
            return;
        };
        assert_eq!(told.code, 78, "{}", told.out);
        let start = format!("FAIL {place}cannot write into srv: read-only for this program alone ");
        let row = told.out.lines().find(|line| line.starts_with(&start));
        let names =
            |row: &str| row.contains("; choose a place in") && row.contains("ReadWritePaths=");
        assert!(row.is_some_and(names), "{}", told.out);
        let told = with(alone, "run").unwrap();
        assert_eq!(told.code, 78, "{}", told.err);
        assert!(
            told.err.starts_with(&format!("agent.toml: {place}")),
            "{}",
            told.err
        );
        assert!(told.err.contains("ReadWritePaths="), "{}", told.err);
        // A disk that takes no writes from anybody is waited for.
        let told = with("mount -t tmpfs -o ro none srv", "check").unwrap();
        assert_eq!(told.code, 0, "{}", told.out);
        let row = told
            .out
            .lines()
            .find(|line| line.starts_with(&format!("warn {place}")));
        let named = row.is_some_and(|row| row.ends_with("make that file system writable again"));
        assert!(named, "{}", told.out);
    }
}

#[test]
fn a_missing_config_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let told = run(folder.path(), &["run", "--config", "no.toml"]);
    assert_eq!(told.code, 78);
    assert!(
        told.err.starts_with("no.toml: No such file"),
        "{}",
        told.err
    );
    assert_eq!(told.err.lines().count(), 1);
}

#[test]
fn misuse_is_two() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["classify"][..],
        &["run", "--fast"],
        &["score"],
        &["watch"],
    ] {
        assert_eq!(run(folder.path(), arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_written_is_told_and_a_reader_may_leave() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("store/bundles")).unwrap();
    for (arguments, code) in [
        (&["check"][..], 0),
        (&["check", "--config", "no.toml"], 78),
        (&["bench", "--frames", "1"], 0),
        (&["bench", "--frames", "1", "--json"], 0),
        (&["bundle", "list", "--store", "store"], 0),
        (&["bundle", "list", "--json", "--store", "store"], 0),
        (&["config", "--default"], 0),
    ] {
        let write_to = |out: Stdio| {
            let mut command = program();
            command.current_dir(folder.path()).args(arguments);
            Told::from(command.stdout(out).output().unwrap())
        };
        let full = File::options().write(true).open("/dev/full");
        let told = write_to(full.unwrap().into());
        let expected = "cannot write: No space left on device (os error 28)\n";
        assert_eq!((told.code, told.err.as_str()), (1, expected));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let told = write_to(writer.into());
        assert_eq!((told.code, told.err.as_str()), (code, ""), "{arguments:?}");
    }
}

#[test]
fn score_names_the_file_and_the_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("e.jsonl"), "").unwrap();
    std::fs::write(folder.path().join("t.jsonl"), "\n{\"vehicle\": 1}\n").unwrap();
    let told = run(
        folder.path(),
        &["score", "--events", "e.jsonl", "--truth", "t.jsonl"],
    );
    assert_eq!(told.code, 1);
    assert!(
        told.err.starts_with("t.jsonl:2: missing field `colour`"),
        "{}",
        told.err
    );
    let told = run(
        folder.path(),
        &["score", "--events", "no.jsonl", "--truth", "t.jsonl"],
    );
    assert_eq!(told.code, 1);
    assert!(
        told.err.starts_with("cannot read no.jsonl: "),
        "{}",
        told.err
    );
}

#[test]
fn score_reads_events_of_a_later_version() {
    const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/event-schema.md");
    let folder = tempfile::tempdir().unwrap();
    let schema = std::fs::read_to_string(SCHEMA).unwrap();
    let example = schema.split("```json\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap().replace('\n', " ");
    let later = example.replacen('{', "{\"new\": 1,", 1);
    std::fs::write(folder.path().join("e.jsonl"), later).unwrap();
    std::fs::write(folder.path().join("t.jsonl"), "").unwrap();
    let told = run(
        folder.path(),
        &[
            "score", "--json", "--events", "e.jsonl", "--truth", "t.jsonl",
        ],
    );
    assert_eq!(told.code, 0, "{}", told.err);
    let start = r#"{"vehicles":0,"events":1,"#;
    assert!(told.out.starts_with(start), "{}", told.out);
}

#[test]
fn score_compares_events_with_passages() {
    let folder = tempfile::tempdir().unwrap();
    let truth = r#"{"vehicle":0,"colour":"red","lane":0,"direction":"right","first_frame":0,"last_frame":50,"centre_frame":25}"#;
    std::fs::write(folder.path().join("t.jsonl"), truth).unwrap();
    std::fs::write(folder.path().join("e.jsonl"), "").unwrap();
    let told = run(
        folder.path(),
        &[
            "score", "--json", "--events", "e.jsonl", "--truth", "t.jsonl",
        ],
    );
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.out
            .starts_with(r#"{"vehicles":1,"events":0,"found":0,"recall":0.0,"#),
        "{}",
        told.out
    );
}

#[test]
fn check_says_which_place_the_picture_does_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let lane = "[[lane]]\nnumber = 1\npolygon_px = [[700, 0], [800, 0], [800, 90]]\n";
    std::fs::write(folder.path().join("agent.toml"), lane).unwrap();
    let told = run(folder.path(), &["check", "--config", "agent.toml"]);
    assert_eq!(told.code, 78, "{}{}", told.out, told.err);
    assert!(
        told.out.contains("ok   source: opened, 640 x 360 pixels\n"),
        "{}",
        told.out
    );
    assert!(
        told.out
            .contains("FAIL places: lane 1: polygon_px lies outside the picture"),
        "{}",
        told.out
    );
}
