//! The trainer's web page in a real browser, on a desktop's and a phone's screen: pictures, the
//! webcam, runs and mistakes. What the server answers is `serve.rs`'s.

mod serving;

use std::fs;
use std::path::{Path, PathBuf};

use serving::browser::Browser;
use serving::{Server, a_run, car};

/// Screens: a name, pixels across and down.
const SCREENS: [(&str, u32, u32); 3] = [
    ("desktop", 1280, 900),
    ("phone", 390, 844),
    ("small phone", 360, 640),
];

/// Keeps screenshots: in the folder that PAGE_SCREENSHOTS names, else in a temporary one that
/// stays when the test fails.
struct Screenshots {
    folder: PathBuf,
    temporary: Option<tempfile::TempDir>,
}

impl Screenshots {
    fn new() -> Self {
        match std::env::var_os("PAGE_SCREENSHOTS") {
            Some(folder) => {
                fs::create_dir_all(&folder).unwrap();
                Self {
                    folder: folder.into(),
                    temporary: None,
                }
            }
            None => {
                let temporary = tempfile::tempdir().unwrap();
                Self {
                    folder: temporary.path().into(),
                    temporary: Some(temporary),
                }
            }
        }
    }

    /// Shows the page on every screen in light and dark: nothing may be wider than the screen.
    fn take(&self, browser: &Browser, name: &str) {
        for (screen, width, height) in SCREENS {
            browser.screen(width, height);
            for scheme in ["light", "dark"] {
                browser.scheme(scheme);
                browser
                    .wait("[...document.images].every((i) => i.complete || i.loading === 'lazy')");
                let file = format!("{name}, {screen}, {scheme}.png");
                browser.screenshot(&self.folder.join(file));
            }
            let wide = browser.run(TOO_WIDE);
            assert_eq!(wide, serde_json::json!([]), "{name}, {screen}");
        }
        browser.scheme("light");
        browser.screen(SCREENS[0].1, SCREENS[0].2);
    }
}

impl Drop for Screenshots {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if let Some(temporary) = self.temporary.take() {
                let _ = temporary.keep();
            }
            eprintln!("screenshots so far: {}", self.folder.display());
        }
    }
}

/// The visible elements that stick out of the screen.
const TOO_WIDE: &str = "
    const width = document.documentElement.clientWidth;
    const out = [...document.querySelectorAll('body *')].filter((element) => {
        const box = element.getBoundingClientRect();
        const hidden = element.closest('.skip, .unseen, .hidden-input');
        return box.width > 0 && !hidden && (box.right > width + 1 || box.left < -1);
    }).map((element) => element.outerHTML.slice(0, 120)).slice(0, 5);
    return document.documentElement.scrollWidth > width ? [...out, 'the page scrolls sideways'] : out;";

/// Everything that can be used, and every picture that says something, has a name.
fn assert_named(browser: &Browser) {
    let names = browser.spoken_names("a, button, select, input, summary, img:not([alt=''])");
    assert!(names.len() > 5, "{names:?}");
    assert!(
        names.iter().all(|name| !name.trim().is_empty()),
        "{names:?}"
    );
}

/// The console has no error but the browser's own note on each refused picture.
fn assert_calm(browser: &Browser, refused: usize) {
    let errors: Vec<String> = browser
        .log()
        .into_iter()
        .filter(|(level, _)| level == "SEVERE" || level == "WARNING")
        .map(|(_, text)| text)
        .collect();
    let expected = |text: &&String| text.contains("/api/classify") && text.contains("422");
    let notes = errors.iter().filter(expected).count();
    assert_eq!((notes, errors.len()), (refused, refused), "{errors:#?}");
}

fn pictures(folder: &Path) -> Vec<PathBuf> {
    let jpeg = |colour, seed, width, height| {
        let frame = road_sim::portrait(colour, seed, width, height).unwrap();
        models::picture::jpeg(frame.view(), 90).unwrap()
    };
    let files: [(&str, Vec<u8>); 6] = [
        ("red car.png", car("red", 11, 640, 420)),
        (
            "a name that goes on and on until it does not fit on any phone, in one_word_without_any_break_at_all_0123456789.jpg",
            jpeg("blue", 12, 400, 500),
        ),
        ("white.jpg", jpeg("white", 13, 800, 300)),
        ("yellow.png", car("yellow", 14, 320, 240)),
        ("shopping list.png", b"bread, milk".to_vec()),
        ("empty.jpg", Vec::new()),
    ];
    let files = files.into_iter().map(|(name, bytes)| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    });
    files.collect()
}

fn choose(browser: &Browser, files: &[PathBuf]) {
    let lines: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    browser.type_into("#files", &lines.join("\n"));
    browser.wait("document.getElementById('results').dataset.done === 'true'");
}

#[test]
fn the_page_works_in_a_browser() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(reason) => {
            println!("skip: {reason}; `cargo xtask setup` brings it");
            return;
        }
    };
    let screenshots = Screenshots::new();
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    let classes = ["black", "blue", "red", "white", "yellow"];
    a_run(at, &classes);
    let plot = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 40 20\"><rect width=\"40\" height=\"20\" fill=\"#8ac\"/></svg>";
    // One plot and a short report of known content instead of the run's own.
    fs::remove_dir_all(at.join("runs/1/plots")).unwrap();
    fs::create_dir(at.join("runs/1/plots")).unwrap();
    fs::write(at.join("runs/1/plots/roc_curves.svg"), plot).unwrap();
    fs::write(
        at.join("runs/1/report.html"),
        "<title>Report</title><style>p{color:#222}</style><p>The report",
    )
    .unwrap();
    fs::create_dir(at.join("runs/old")).unwrap();
    fs::write(at.join("runs/old/run.json"), "{}").unwrap();

    let server = Server::start(at, &[]);
    browser.screen(1280, 900);
    browser.open(&server.url("/"));
    browser.wait("document.body.dataset.ready");
    assert_eq!(browser.texts("h1")[0], "What colour is this car?");
    assert!(browser.texts("#model")[0].contains("12 classes"));
    screenshots.take(&browser, "1 start");

    classifying(&browser, &server, at, &screenshots);
    webcam(&browser, &screenshots);
    assert_calm(&browser, 1);
    browsing(&browser, &screenshots);
    assert_calm(&browser, 0);
    report(&browser, &server);
    assert_calm(&browser, 0);
    unknown(&browser, at, &screenshots);
    gone(&browser, server, at, &screenshots);
}

/// Several pictures at once, two of them refused; the texts are the server's numbers.
fn classifying(browser: &Browser, server: &Server, at: &Path, screenshots: &Screenshots) {
    let files = pictures(at);
    choose(browser, &files);
    let cards = browser.texts("#cards > li");
    assert_eq!(cards.len(), files.len());
    for (file, card) in files.iter().zip(&cards).take(4) {
        let answer = server.classify(&fs::read(file).unwrap()).json();
        let percent =
            |score: &serde_json::Value| format!("{:.1}\u{a0}%", 100.0 * score.as_f64().unwrap());
        assert!(
            card.contains(file.file_name().unwrap().to_str().unwrap()),
            "{card}"
        );
        for ranked in answer["ranked"].as_array().unwrap() {
            assert!(card.contains(ranked["colour"].as_str().unwrap()), "{card}");
            assert!(card.contains(&percent(&ranked["score"])), "{card}");
        }
        assert!(card.contains(" ms"), "{card}");
    }
    let order = browser.texts("#cards > li:first-child .bars .share");
    let shares: Vec<f64> = order
        .iter()
        .map(|t| t.trim_end_matches("\u{a0}%").parse().unwrap())
        .collect();
    assert_eq!(shares.len(), 12);
    assert!(shares.is_sorted_by(|a, b| a >= b), "{shares:?}");
    assert!(
        cards[4].contains("It is not a JPEG, PNG, BMP or WebP picture."),
        "{}",
        cards[4]
    );
    assert!(cards[5].contains("The file is empty."), "{}", cards[5]);
    assert!(browser.texts("#progress")[0].contains("6 pictures"));
    assert_named(browser);
    screenshots.take(browser, "2 answers");

    browser.click("#clear");
    assert_eq!(browser.texts("#cards > li").len(), 0);
    // A picture dropped on the window, and one pasted.
    for event in ["drop", "paste"] {
        browser.run(&format!(
            "const canvas = document.createElement('canvas');
             canvas.width = 64;
             canvas.height = 48;
             canvas.toBlob((blob) => {{
                 const transfer = new DataTransfer();
                 transfer.items.add(new File([blob], '{event}.png', {{ type: 'image/png' }}));
                 const made = '{event}' === 'drop'
                     ? new DragEvent('drop', {{ dataTransfer: transfer, bubbles: true, cancelable: true }})
                     : new ClipboardEvent('paste', {{ clipboardData: transfer, bubbles: true }});
                 document.body.dispatchEvent(made);
             }});"
        ));
        browser.wait(&format!(
            "document.querySelector('#cards').innerText.includes('{event}.png')"
        ));
    }
    browser.wait("document.getElementById('results').dataset.done === 'true'");
    assert_eq!(browser.texts("#cards .bars").len(), 2);
    browser.click("#clear");
}

/// Chromium's drawn webcam is classified again and again until it is stopped.
fn webcam(browser: &Browser, screenshots: &Screenshots) {
    browser.click("#webcam-start");
    browser.wait("Number(document.getElementById('webcam').dataset.pictures) >= 3");
    let text = browser.texts("#webcam-answer")[0].clone();
    assert!(text.contains("pictures a second"), "{text}");
    assert_eq!(browser.texts("#webcam-answer .bars li").len(), 12);
    assert_eq!(
        browser.run("return document.getElementById('webcam-video').videoWidth > 0"),
        true
    );
    screenshots.take(browser, "3 webcam");
    // By keyboard: the button that stops has had the focus since it appeared.
    browser.press("\u{e007}");
    browser.wait("document.getElementById('webcam').hidden");
    assert_eq!(
        browser.run("return document.getElementById('webcam-video').srcObject === null"),
        true
    );
    assert_eq!(
        browser.run("return document.activeElement.id"),
        "webcam-start"
    );
}

/// From the list to a run, its mistakes and their filters.
fn browsing(browser: &Browser, screenshots: &Screenshots) {
    browser.click("nav [data-page=runs]");
    browser.wait("document.querySelectorAll('.run-card').length === 2");
    let runs = browser.texts(".run-card");
    assert!(
        runs[0].contains("Run 1") && runs[0].contains("mobilenet_v3_small"),
        "{}",
        runs[0]
    );
    assert!(
        runs[1].contains("is not this version's run.json"),
        "{}",
        runs[1]
    );
    screenshots.take(browser, "4 runs");

    browser.click("a.run-card");
    browser.wait("document.querySelector('#run-body [data-found]')");
    assert_eq!(browser.run("return document.title"), "Run 1 · Car colours");
    let all = browser.texts(".gallery > li").len();
    assert!(all > 3, "{all}");
    assert_eq!(browser.texts(".plots li"), ["roc curves"]);
    // Lazy ones come as they are scrolled to.
    browser
        .run("document.querySelectorAll('.gallery img').forEach((i) => { i.loading = 'eager'; })");
    browser.wait("[...document.querySelectorAll('.gallery img')].every((i) => i.naturalWidth > 0)");
    browser.click(".gallery summary");
    browser.wait("document.querySelectorAll('.gallery .bars li').length === 5");
    assert_named(browser);
    screenshots.take(browser, "5 run");

    browser.click(".chip");
    browser.wait("document.querySelector('.chip[aria-pressed=true]')");
    let pairs = browser.texts(".gallery .pair");
    assert!(!pairs.is_empty() && pairs.len() < all, "{pairs:?}");
    let truth = browser.run("return document.querySelectorAll('.filters select')[1].value");
    assert!(
        pairs
            .iter()
            .all(|p| p.contains("red") && p.contains(truth.as_str().unwrap()))
    );
    browser.click(".chip");
    browser.wait(&format!(
        "document.querySelectorAll('.gallery > li').length === {all}"
    ));
    browser.run(
        "const show = document.querySelector('.filters select');
         show.value = 'right';
         show.dispatchEvent(new Event('change'));",
    );
    browser.wait("document.querySelector('#run-body').innerText.includes('pass the filter')");
    let right = browser.texts(".gallery .said");
    assert!(right.iter().all(|said| said == "red"), "{right:?}");

    browser.click(".crumb a");
    browser.wait("!document.getElementById('runs').hidden");
    assert_eq!(
        browser.run("return document.activeElement.id"),
        "runs-title"
    );
    browser.run("location.hash = '#/runs/none'");
    browser.wait("!document.getElementById('trouble').hidden");
    assert_eq!(browser.texts("#trouble"), ["There is no such run here."]);
    let notes: Vec<_> = browser
        .log()
        .into_iter()
        .filter(|(_, text)| !text.contains("404"))
        .collect();
    assert!(notes.is_empty(), "{notes:?}");
}

/// A report shows its own styles and runs nothing.
fn report(browser: &Browser, server: &Server) {
    browser.open(&server.url("/api/runs/1/report.html"));
    assert_eq!(browser.texts("p"), ["The report"]);
    let colour = browser.run("return getComputedStyle(document.querySelector('p')).color");
    assert_eq!(colour, "rgb(34, 34, 34)");
}

/// Below the threshold the page says unknown, and what it would have been.
fn unknown(browser: &Browser, at: &Path, screenshots: &Screenshots) {
    let strict = Server::start(at, &["--run", "runs/1", "--reject-below", "1"]);
    browser.open(&strict.url("/"));
    browser.wait("document.body.dataset.ready");
    let model = browser.texts("#model")[0].clone();
    assert!(model.contains("Answered by run 1, 5 classes"), "{model}");
    assert!(
        model.contains(", fitted on the run's 20 validation pictures"),
        "{model}"
    );
    choose(browser, &[at.join("red car.png"), at.join("white.jpg")]);
    for card in browser.texts("#cards > li") {
        assert!(card.contains("unknown\n"), "{card}");
        assert!(card.contains("Most likely "), "{card}");
        assert!(
            card.contains("is below the 100.0\u{a0}% it takes"),
            "{card}"
        );
    }
    screenshots.take(browser, "6 unknown");
    assert_calm(browser, 0);
}

/// A page whose program has ended says so.
fn gone(browser: &Browser, server: Server, at: &Path, screenshots: &Screenshots) {
    browser.open(&server.url("/"));
    browser.wait("document.body.dataset.ready");
    server.signal(libc::SIGTERM);
    assert_eq!(server.end().code(), Some(0));
    choose(browser, &[at.join("white.jpg")]);
    let card = browser.texts("#cards > li")[0].clone();
    assert!(
        card.contains("The program behind this page does not answer."),
        "{card}"
    );
    screenshots.take(browser, "7 gone");
}
