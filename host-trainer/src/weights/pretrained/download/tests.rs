//! Downloads from a server of the test's own, which behaves and misbehaves as told.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;

/// What the server does with the next request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Everything, or the rest from the byte that was asked for.
    Give,
    /// As much of it, then the connection is cut.
    Cut(usize),
    /// Everything, whatever part was asked for.
    GiveAll,
    /// A body of this length without saying how long it is.
    Endless(usize),
    /// Other bytes of the right length.
    Forge,
    /// An error page.
    Status(&'static str),
}

const CONTENT: [u8; 3000] = {
    let mut content = [0; 3000];
    let mut at = 0;
    while at < 3000 {
        content[at] = (at * 7 % 251) as u8;
        at += 1;
    }
    content
};

/// [`CONTENT`] as if it were published.
const PUBLISHED: Published = Published {
    name: "test",
    file: "network-0a1b2c3d.pth",
    bytes: 3000,
    sha256: "fb5a5e7439fbb98b3dc324a722e08e9e89c21f0fd07307980e831cf7f97cc82b",
};

/// A server that gives these answers in order, and writes down what was asked for.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        // Ends with its last answer; later requests find nobody.
        thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                serve(stream, *answer, &log);
            }
        });
        Self { address, asked }
    }

    fn fetch(&self, folder: &Path) -> Result<PathBuf, PretrainedError> {
        fetch(&format!("http://{}/models", self.address), folder)
    }

    /// The ranges that were asked for, empty for all.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn fetch(base: &str, folder: &Path) -> Result<PathBuf, PretrainedError> {
    let agent = Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .timeout_per_read(Some(Duration::from_secs(5)))
        .build();
    let source = Source {
        agent: agent.into(),
        base,
        published: &PUBLISHED,
        folder,
    };
    let mut last = 0;
    let fetched = source.fetch(&mut |done| last = done);
    if fetched.is_ok() {
        assert!(last == 0 || last == PUBLISHED.bytes, "{last}");
    }
    fetched
}

fn serve(mut stream: TcpStream, answer: Answer, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let request = lines.next().unwrap().unwrap();
    assert_eq!(request, "GET /models/network-0a1b2c3d.pth HTTP/1.1");
    let head: Vec<String> = lines
        .map(|line| line.unwrap().to_lowercase())
        .take_while(|line| !line.is_empty())
        .collect();
    let range = head.iter().find_map(|line| line.strip_prefix("range: "));
    log.lock().unwrap().push(range.unwrap_or_default().into());
    let from: usize = range
        .and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let rest = CONTENT.len() - from.min(CONTENT.len());
    let partial = format!(
        "206 Partial Content\r\nContent-Range: bytes {from}-{}/3000\r\nContent-Length: {rest}",
        CONTENT.len() - 1
    );
    let all = String::from("200 OK\r\nContent-Length: 3000");
    let given = if from > 0 { partial } else { all.clone() };
    let forged = [7; CONTENT.len()];
    let (head, body): (String, &[u8]) = match answer {
        Answer::Give => (given, &CONTENT[from..]),
        Answer::Cut(length) => (given, &CONTENT[from..from + length]),
        Answer::GiveAll => (all, &CONTENT),
        Answer::Endless(length) => ("200 OK".into(), &[1; 5000][..length]),
        Answer::Forge => (all, &forged),
        Answer::Status(status) => (format!("{status}\r\nContent-Length: 5"), b"sorry"),
    };
    // The client may hang up when it has seen enough.
    let _ = write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")
        .and_then(|()| stream.write_all(body));
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_fetched_once_and_then_kept() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("not/there/yet");
    let server = Server::new(&[Answer::Give]);
    let path = server.fetch(&folder).unwrap();
    assert_eq!(fs::read(&path).unwrap(), CONTENT);
    assert_eq!(names(&folder), ["lock", PUBLISHED.file]);
    // Nobody serves any more: the kept copy is what this gives.
    assert_eq!(server.fetch(&folder).unwrap(), path);
    assert_eq!(server.asked(), [""]);
}

#[test]
fn a_damaged_copy_is_fetched_again() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&[Answer::Give]);
    fs::write(place.path().join(PUBLISHED.file), [0; 3000]).unwrap();
    let path = server.fetch(place.path()).unwrap();
    assert_eq!(fs::read(path).unwrap(), CONTENT);
}

#[test]
fn a_cut_connection_goes_on_where_it_broke() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&[
        Answer::Cut(1000),
        Answer::Cut(500),
        Answer::Status("503 Service Unavailable"),
        Answer::Give,
    ]);
    let path = server.fetch(place.path()).unwrap();
    assert_eq!(fs::read(path).unwrap(), CONTENT);
    assert_eq!(
        server.asked(),
        ["", "bytes=1000-", "bytes=1500-", "bytes=1500-"]
    );
}

#[test]
fn a_server_that_cannot_go_on_starts_over() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&[Answer::Cut(1000), Answer::GiveAll]);
    let path = server.fetch(place.path()).unwrap();
    assert_eq!(fs::read(path).unwrap(), CONTENT);
    let other = tempfile::tempdir().unwrap();
    let server = Server::new(&[
        Answer::Cut(1000),
        Answer::Status("416 Range Not Satisfiable"),
        Answer::Give,
    ]);
    server.fetch(other.path()).unwrap();
    assert_eq!(server.asked(), ["", "bytes=1000-", ""]);
}

#[test]
fn what_came_before_a_lasting_break_is_kept_for_the_next_run() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&[Answer::Cut(2000)]);
    let error = server.fetch(place.path()).unwrap_err();
    assert!(
        matches!(error, PretrainedError::Unreachable { .. }),
        "{error}"
    );
    let part = place.path().join(format!("{}.part", PUBLISHED.file));
    assert_eq!(fs::read(part).unwrap(), CONTENT[..2000]);
    let server = Server::new(&[Answer::Give]);
    server.fetch(place.path()).unwrap();
    assert_eq!(server.asked(), ["bytes=2000-"]);
}

#[test]
fn another_file_is_refused_and_removed() {
    for (answers, expected) in [
        (&[Answer::Forge][..], "its SHA-256 is "),
        (&[Answer::Endless(5000)], "it has more than 3000 bytes"),
        (&[Answer::Status("200 OK")], "it has 5 bytes and not 3000"),
        // Another file's start, continued.
        (&[Answer::Endless(1000), Answer::Give], "its SHA-256 is "),
    ] {
        let place = tempfile::tempdir().unwrap();
        let server = Server::new(answers);
        let error = server.fetch(place.path()).unwrap_err();
        assert!(matches!(error, PretrainedError::Other { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
        assert!(
            text.contains("CAR_COLOUR_WEIGHTS_URL names a mirror"),
            "{text}"
        );
        assert_eq!(names(place.path()), ["lock"]);
    }
}

#[test]
fn a_missing_file_is_not_asked_for_again() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&[Answer::Status("404 Not Found")]);
    let text = server.fetch(place.path()).unwrap_err().to_string();
    assert!(text.contains("the server answers 404 Not Found"), "{text}");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn offline_says_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let text = fetch(&format!("http://{port}"), place.path())
        .unwrap_err()
        .to_string();
    for part in [
        format!("cannot fetch http://{port}/network-0a1b2c3d.pth: "),
        format!("put it at {}", place.path().join(PUBLISHED.file).display()),
        "or give --pretrained FILE".into(),
        "CAR_COLOUR_WEIGHTS_URL names a mirror".into(),
    ] {
        assert!(text.contains(&part), "{text}");
    }
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn two_at_once_fetch_once() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::new(&[Answer::Give]);
    thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| server.fetch(place.path())));
        for one in both {
            one.join().unwrap().unwrap();
        }
    });
    assert_eq!(server.asked(), [""]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let text = fetch("http://127.0.0.1:9", &file.join("x"))
        .unwrap_err()
        .to_string();
    assert!(text.starts_with("cannot keep downloads in "), "{text}");
}
