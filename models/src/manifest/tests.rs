//! What a manifest says and refuses.

use super::*;

/// A manifest that passes every check, for tests to spoil.
pub(crate) fn sound() -> Manifest {
    Manifest {
        format: 1,
        name: "test-bundle".into(),
        version: "0.1.0".into(),
        created: "2026-01-01T00:00:00Z".into(),
        generator: "test".into(),
        architecture: "test".into(),
        labels: vec!["black".into(), "white".into()],
        input: PreprocessSpec::imagenet(16),
        decision: Decision {
            temperature: 1.0,
            reject_below: 0.5,
        },
        quantisation: Quantisation::None,
        arithmetic: Arithmetic::Single,
        training: Training {
            pictures: BTreeMap::new(),
            epochs: 1,
            pretrained: "none".into(),
            dataset_sha256: "0".repeat(64),
        },
        metrics: vec![],
        golden: vec![Golden {
            file: "golden/0.png".into(),
            input_sha256: "0".repeat(64),
            logits: vec![0.0, 1.0],
        }],
        files: BTreeMap::from([(
            "golden/0.png".into(),
            FileEntry {
                bytes: 1,
                sha256: "0".repeat(64),
            },
        )]),
    }
}

type Spoil<'a> = &'a dyn Fn(&mut Manifest);

fn refusal(spoil: impl FnOnce(&mut Manifest)) -> String {
    let mut manifest = sound();
    spoil(&mut manifest);
    Manifest::parse(manifest.to_json().unwrap().as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn comes_back_as_it_was_written() {
    let manifest = sound();
    assert_eq!(
        Manifest::parse(manifest.to_json().unwrap().as_bytes()).unwrap(),
        manifest
    );
}

#[test]
fn single_precision_is_not_mentioned_and_half_is() {
    let mut manifest = sound();
    assert!(!manifest.to_json().unwrap().contains("arithmetic"));
    manifest.arithmetic = Arithmetic::Half;
    let text = manifest.to_json().unwrap();
    assert!(text.contains("\"arithmetic\": \"half\""), "{text}");
    assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), manifest);
    let double = text.replace("\"half\"", "\"double\"");
    let error = Manifest::parse(double.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("expected `single` or `half`"), "{error}");
}

#[test]
fn another_format_says_found_supported_and_what_to_do() {
    assert_eq!(
        refusal(|m| m.format = 7),
        "manifest.json has format 7; this version reads format 1; update this program, or \
         export the bundle with an older host-trainer"
    );
    assert_eq!(
        refusal(|m| m.format = 0),
        "manifest.json has format 0; this version reads format 1; export the bundle again \
         with this version's host-trainer"
    );
    // A later format may have any shape besides its number.
    let later = Manifest::parse(br#"{"format": 2, "pages": []}"#).unwrap_err();
    assert!(later.to_string().contains("format 2"));
}

#[test]
fn implausible_values_are_named() {
    let cases: [(Spoil<'_>, &str); 9] = [
        (&|m| m.name = "../up".into(), "the name is \"../up\""),
        (&|m| m.labels = vec![], "0 labels; 1 to 1000 can be"),
        (
            &|m| m.labels[1] = "black".into(),
            "the label \"black\" occurs twice",
        ),
        (&|m| m.decision.temperature = 0.0, "the temperature is 0"),
        (&|m| m.decision.reject_below = 1.5, "reject_below is 1.5"),
        (&|m| m.golden.clear(), "it has no golden pictures"),
        (
            &|m| m.golden[0].logits = vec![0.0],
            "has 1 outputs for 2 labels",
        ),
        (
            &|m| m.golden[0].file = "x.png".into(),
            "x.png is not among the files",
        ),
        (&|m| m.input.width = 4, "input width is 4"),
    ];
    for (spoil, expected) in cases {
        let text = refusal(spoil);
        assert!(text.contains(expected), "{text:?} lacks {expected:?}");
    }
}

#[test]
fn file_names_stay_inside() {
    for bad in [
        "../x",
        "/etc/passwd",
        "a/../b",
        "a/b/c",
        ".hidden",
        "a\\b",
        "",
        "a//b",
    ] {
        assert!(check_file_name(bad).is_err(), "{bad}");
    }
    assert!(check_file_name("golden/0.png").is_ok());
}

#[test]
fn an_unknown_key_is_refused() {
    let text = sound()
        .to_json()
        .unwrap()
        .replacen("\"name\"", "\"nmae\": 1, \"name\"", 1);
    let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("unknown field `nmae`"), "{error}");
}
