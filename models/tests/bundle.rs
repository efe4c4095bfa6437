//! Bundles that are damaged, tampered with, oversized or from another version are refused with
//! one line that says what and what to do; a sound one opens, runs and can be written again.

use std::fs;
use std::path::{Path, PathBuf};

use models::hash::sha256_hex;
use models::manifest::{Arithmetic, Manifest};
use models::{Bundle, BundleError, Runner};

/// A copy of the shipped bundle in a folder of its own.
struct Copy {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Copy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle");
        let artifacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
        let shipped = fs::read_dir(artifacts)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        fs::create_dir_all(path.join("golden")).unwrap();
        for name in Bundle::open(&shipped).unwrap().manifest().files.keys() {
            fs::copy(shipped.join(name), path.join(name)).unwrap();
        }
        for name in ["manifest.json", "manifest.sha256"] {
            fs::copy(shipped.join(name), path.join(name)).unwrap();
        }
        Self {
            _folder: folder,
            path,
        }
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path.join(name)).unwrap();
        change(&mut bytes);
        fs::write(self.path.join(name), bytes).unwrap();
    }

    /// Replaces the manifest and makes its hash fit again: a deliberate change, not damage.
    fn forge(&self, change: impl FnOnce(&mut Manifest)) {
        let text = fs::read(self.path.join("manifest.json")).unwrap();
        let mut manifest = Manifest::parse(&text).unwrap();
        change(&mut manifest);
        let text = manifest.to_json().unwrap();
        let line = format!("{}  manifest.json\n", sha256_hex(text.as_bytes()));
        fs::write(self.path.join("manifest.json"), text).unwrap();
        fs::write(self.path.join("manifest.sha256"), line).unwrap();
    }

    /// Replaces a file and makes every hash fit again.
    fn forge_file(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path.join(name), bytes).unwrap();
        self.forge(|manifest| {
            let entry = manifest.files.get_mut(name).unwrap();
            entry.bytes = bytes.len() as u64;
            entry.sha256 = sha256_hex(bytes);
        });
    }

    fn refusal(&self) -> String {
        let opened = Bundle::open(&self.path);
        let error = opened
            .expect_err("the bundle should be refused")
            .to_string();
        assert!(!error.contains('\n'), "{error}");
        error.replace(&self.path.display().to_string(), "BUNDLE")
    }

    fn runner_refusal(&self) -> String {
        let bundle = Bundle::open(&self.path).unwrap();
        let error = Runner::new(&bundle)
            .expect_err("the runner should be refused")
            .to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    }
}

#[test]
fn the_shipped_bundle_opens_and_runs() {
    let bundle = Bundle::shipped().unwrap();
    let mut runner = Runner::new(&bundle).unwrap();
    let frame = models::RgbFrame::filled(50, 40, [200, 20, 20]).unwrap();
    let scores = runner.classify(frame.view()).unwrap();
    assert_eq!(scores.labels(), bundle.manifest().labels);
    assert!((scores.probabilities().iter().sum::<f32>() - 1.0).abs() < 1e-5);
    assert_eq!(bundle.id(), Bundle::open(&Copy::new().path).unwrap().id());
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let copy = Copy::new();
    let mut names: Vec<String> = Bundle::open(&copy.path)
        .unwrap()
        .manifest()
        .files
        .keys()
        .cloned()
        .collect();
    names.extend(["manifest.json".into(), "manifest.sha256".into()]);
    for name in names {
        let length = fs::metadata(copy.path.join(&name)).unwrap().len() as usize;
        for position in [0, length / 3, length / 2, length - 1] {
            copy.change(&name, |bytes| bytes[position] ^= 1);
            let text = copy.refusal();
            assert!(
                text.contains("is damaged ("),
                "{name} byte {position}: {text}"
            );
            assert!(
                text.ends_with("; copy or export the bundle again"),
                "{text}"
            );
            copy.change(&name, |bytes| bytes[position] ^= 1);
        }
    }
    assert!(Bundle::open(&copy.path).is_ok());
}

#[test]
fn a_truncated_file_is_told_by_its_length() {
    let copy = Copy::new();
    let length = fs::metadata(copy.path.join("model.onnx")).unwrap().len();
    copy.change("model.onnx", |bytes| bytes.truncate(1000));
    assert_eq!(
        copy.refusal(),
        format!(
            "bundle BUNDLE: model.onnx is damaged (1000 bytes instead of {length}); copy or \
             export the bundle again"
        )
    );
}

#[test]
fn a_missing_file_is_named() {
    let copy = Copy::new();
    fs::remove_file(copy.path.join("golden/1.png")).unwrap();
    let text = copy.refusal();
    assert!(
        text.starts_with("bundle BUNDLE: cannot read golden/1.png: "),
        "{text}"
    );
    let error = Bundle::open(Path::new("no/bundle"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("bundle no/bundle: cannot read manifest.json: "),
        "{error}"
    );
    assert!(
        error.ends_with("give the folder that `host-trainer export` made"),
        "{error}"
    );
}

#[test]
fn oversized_files_are_not_read() {
    let copy = Copy::new();
    // A sparse file: its length is what matters.
    let file = fs::File::options()
        .write(true)
        .open(copy.path.join("manifest.json"))
        .unwrap();
    file.set_len(models::bundle::MAX_MANIFEST_BYTES + 1)
        .unwrap();
    assert!(
        copy.refusal()
            .contains("it is larger than the 1048576 bytes that are read")
    );
    let copy = Copy::new();
    let file = fs::File::options()
        .write(true)
        .open(copy.path.join("model.onnx"))
        .unwrap();
    file.set_len(models::bundle::MAX_FILE_BYTES + 1).unwrap();
    assert!(
        copy.refusal()
            .contains("cannot read model.onnx: it is larger than")
    );
}

#[test]
fn another_version_says_found_and_supported() {
    let copy = Copy::new();
    copy.forge(|manifest| manifest.format = 9);
    assert_eq!(
        copy.refusal(),
        "bundle BUNDLE: manifest.json has format 9; this version reads format 1; update this \
         program, or export the bundle with an older host-trainer"
    );
}

#[test]
fn a_manifest_cannot_reach_outside_its_folder() {
    let copy = Copy::new();
    copy.forge(|manifest| {
        let entry = manifest.files["CARD.md"].clone();
        manifest.files.insert("../CARD.md".into(), entry);
    });
    let text = copy.refusal();
    assert!(
        text.contains("the file name \"../CARD.md\" is not allowed"),
        "{text}"
    );
}

#[test]
fn labels_that_do_not_fit_the_network_are_refused() {
    let copy = Copy::new();
    copy.forge(|manifest| {
        manifest.labels.pop();
        manifest.golden.iter_mut().for_each(|golden| {
            golden.logits.pop();
        });
    });
    assert_eq!(
        copy.runner_refusal(),
        "the model gives 12 outputs but the manifest has 11 labels; export the bundle again"
    );
}

#[test]
fn a_network_that_answers_otherwise_is_refused() {
    let copy = Copy::new();
    copy.forge(|manifest| {
        manifest.arithmetic = Arithmetic::Single;
        manifest.golden[2].logits[3] += 0.01;
    });
    let text = copy.runner_refusal();
    assert!(
        text.starts_with("the golden picture golden/2.png gets logits that differ"),
        "{text}"
    );
    copy.forge(|manifest| manifest.golden[0].input_sha256 = "0".repeat(64));
    let text = copy.runner_refusal();
    assert!(text.starts_with("the golden picture golden/0.png is preprocessed differently"));
}

/// What half precision moves is let pass where it computes, and nowhere else.
#[test]
fn a_bundle_in_half_precision_may_answer_a_little_otherwise() {
    let copy = Copy::new();
    copy.forge(|manifest| {
        manifest.arithmetic = Arithmetic::Half;
        manifest.golden[2].logits[3] += 0.1;
    });
    let bundle = Bundle::open(&copy.path).unwrap();
    let runner = Runner::emulating(&bundle).unwrap();
    assert_eq!(runner.arithmetic(), Arithmetic::Half);
    match Runner::new(&bundle) {
        Ok(runner) => assert_eq!(runner.arithmetic(), Arithmetic::Half),
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("(at most 0.001 may be)"), "{text}");
        }
    }
    copy.forge(|manifest| manifest.golden[2].logits[3] += 0.4);
    let error = Runner::emulating(&Bundle::open(&copy.path).unwrap()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("(at most 0.25 may be)"), "{text}");
}

#[test]
fn a_model_that_is_no_onnx_is_refused_in_one_line() {
    let copy = Copy::new();
    for bytes in [&b"not a network"[..], &[0xff; 5000], &[]] {
        copy.forge_file("model.onnx", bytes);
        let text = copy.runner_refusal();
        assert!(text.starts_with("the model does not load ("), "{text}");
        assert!(text.ends_with("; export the bundle again"), "{text}");
    }
}

#[test]
fn a_truncated_network_with_fitting_hashes_is_refused() {
    let copy = Copy::new();
    let model = fs::read(copy.path.join("model.onnx")).unwrap();
    copy.forge_file("model.onnx", &model[..model.len() / 2]);
    assert!(
        copy.runner_refusal()
            .starts_with("the model does not load (")
    );
}

#[test]
fn writing_proves_the_bundle_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep/bundle");
    let shipped = Bundle::shipped().unwrap();
    let golden = vec![shipped.file("golden/0.png").unwrap().to_vec()];
    let write = |model: &[u8], golden: Vec<Vec<u8>>| {
        Bundle::write(
            &out,
            shipped.manifest().clone(),
            model.to_vec(),
            golden,
            vec![],
        )
    };
    let error = write(b"no network", golden.clone())
        .unwrap_err()
        .to_string();
    assert!(error.contains("the model does not load"), "{error}");
    assert!(!out.exists(), "nothing may be left of a failed export");

    let written = write(shipped.model(), golden.clone()).unwrap();
    assert_eq!(Bundle::open(&out).unwrap().id(), written.id());
    assert_eq!(written.manifest().golden[0].logits.len(), 12);
    let beside = fs::read_dir(out.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "the draft must be gone");

    let again = write(shipped.model(), golden);
    assert!(matches!(again, Err(BundleError::Exists(_))));
    let without_golden = Bundle::write(
        &folder.path().join("other"),
        shipped.manifest().clone(),
        shipped.model().to_vec(),
        vec![],
        vec![],
    );
    let text = without_golden.unwrap_err().to_string();
    assert!(text.contains("it has no golden pictures"), "{text}");
}

/// `sha256sum --check` reads the hash file, so a technician can verify a copy without us.
#[test]
fn the_hash_file_has_the_usual_form() {
    let copy = Copy::new();
    let manifest = fs::read(copy.path.join("manifest.json")).unwrap();
    let line = fs::read_to_string(copy.path.join("manifest.sha256")).unwrap();
    assert_eq!(line, format!("{}  manifest.json\n", sha256_hex(&manifest)));
}
