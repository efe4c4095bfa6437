//! Replays what the fuzzer kept: inputs that reach different code, and those that once failed.

use std::path::PathBuf;

use super::ALL;

#[test]
fn kept_inputs_hold() {
    let corpora = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/fuzz/corpus");
    for (name, input) in ALL {
        let folder = corpora.join(name);
        let mut count = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| input(&bytes));
            assert!(held.is_ok(), "{}: see above", path.display());
            count += 1;
        }
        assert!(count > 10, "{}: {count} inputs", folder.display());
    }
}
