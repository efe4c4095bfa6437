//! Pickles written by hand, operation by operation.

use super::*;

fn fails(bytes: &[u8]) -> String {
    read(bytes).unwrap_err()
}

#[test]
fn a_dictionary_of_numbers_is_read() {
    // {'a': 3, 'b': (-1, 2**40)}
    let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x03X\x01\x00\x00\x00bJ\xff\xff\xff\xff\
                  \x8a\x06\x00\x00\x00\x00\x00\x01\x86u.rest";
    let (objects, root, length) = read(bytes).unwrap();
    assert_eq!(length, bytes.len() - 4);
    let entry = |key| objects.get(objects.entry(root, key).unwrap());
    assert_eq!(*entry("a"), Object::Integer(3));
    let Object::Sequence(pair) = entry("b") else {
        panic!("{:?}", entry("b"));
    };
    let pair: Vec<_> = pair.iter().map(|id| objects.get(*id)).collect();
    assert_eq!(pair, [&Object::Integer(-1), &Object::Integer(1 << 40)]);
}

#[test]
fn a_name_that_could_do_something_is_refused_by_name() {
    let text = fails(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.");
    assert!(
        text.starts_with("it holds Python objects (os.system)"),
        "{text}"
    );
    assert!(
        text.contains("torch.save(model.state_dict(), FILE)"),
        "{text}"
    );
}

#[test]
fn what_torch_does_not_write_is_refused() {
    for (bytes, expected) in [
        (&b"\x80\x05."[..], "its pickle has protocol 5"),
        // Calls by class name, instances, extension codes, text integers.
        (b"(i__main__\nX\n.", "the operation 0x69"),
        (b"o.", "the operation 0x6f"),
        (b"\x82\x01.", "the operation 0x82"),
        (b"I5\n.", "the operation 0x49"),
        (b"X\xff\xff\xff\xff", "a text of 4294967295 bytes"),
        (b"X\x04\x00\x00\x00ab", "cut off"),
        (b"K", "cut off"),
        (b"", "cut off"),
        (b"h\x07.", "malformed"),
        (b".", "malformed"),
        (b"K\x01K\x02s.", "malformed"),
        (b"}K\x01(u.", "malformed"),
        (b"(K\x01\x86.", "malformed"),
        (b"NQ.", "no whole storage"),
        (
            b"ccollections\nOrderedDict\nN\x85R.",
            "arguments it does not take",
        ),
        (
            b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
            "arguments it does not take",
        ),
        (b"ctorch\nFloatStorage\n)R.", "arguments it does not take"),
    ] {
        let text = fails(bytes);
        assert!(text.contains(expected), "{}: {text}", bytes.escape_ascii());
    }
}

#[test]
fn marks_guard_what_lies_below_them() {
    // Without the guard the tuple would be popped from under the mark.
    assert!(fails(b")(0.").contains("0x30"));
    assert!(fails(b"}(b.").contains("malformed"));
}

#[test]
fn depth_and_cycles_cost_nothing() {
    let mut deep = vec![b')'];
    deep.resize(400_000, 0x85);
    deep.push(b'.');
    assert!(read(&deep).is_ok());
    // A list that holds itself, and a dictionary that is its own value.
    assert!(read(b"]q\x00h\x00a.").is_ok());
    let (objects, root, _) = read(b"}q\x00X\x05\x00\x00\x00modelh\x00s.").unwrap();
    assert_eq!(objects.entry(root, "model"), Some(root));
}

#[test]
fn a_flood_of_objects_is_stopped() {
    let flood = vec![b'N'; MOST_OBJECTS + 1];
    assert!(fails(&flood).contains("more than 500000 objects"));
}
