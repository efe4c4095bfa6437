//! The agent's page as clients see it: the built program watches the drawn road, and a listener
//! on a free port answers.

mod agent;
mod browser;
mod numbers;

use std::io::Read;
use std::time::{Duration, Instant};

use agent::{Agent, PATIENCE};
use browser::Browser;
use serde_json::Value;

#[test]
fn every_address_answers() {
    let agent = Agent::start("");
    agent.until("/healthz", |reply| reply.starts_with("HTTP/1.1 200"));
    let page = agent.get("/");
    assert!(page.contains("content-security-policy: default-src 'none'"));
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    // A loaded machine may take its time for the first one.
    agent.until("/live.jpg", |reply| reply.starts_with("HTTP/1.1 200"));
    let (head, jpeg) = agent.bytes("/live.jpg");
    assert!(head.contains("x-live: {"), "{head}");
    assert_eq!(models::picture::decode(&jpeg).unwrap().width(), 640);
    // Events, and the picture of the first of them.
    agent.until("/events", |reply| reply.contains("\"sequence\":1,"));
    let events: Vec<Value> = serde_json::from_str(&agent.body("/events")).unwrap();
    assert_eq!(events[0]["schema"], 1);
    let (head, jpeg) = agent.bytes("/crops/1.jpg");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(models::picture::decode(&jpeg).unwrap().width() <= 128);
    assert!(agent.get("/crops/999999.jpg").starts_with("HTTP/1.1 404"));
    numbers::check(&agent.body("/metrics"));
    let state: Value = serde_json::from_str(&agent.body("/state")).unwrap();
    assert_eq!(state["camera"]["up"], true);
    assert_eq!(state["sinks"][0]["name"], "standard output");
    assert!(agent.get("/no").starts_with("HTTP/1.1 404"));
    let post = agent.raw("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert!(post.starts_with("HTTP/1.1 405"), "{post}");
    let rebound = agent.raw("GET /events HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(rebound.starts_with("HTTP/1.1 421"), "{rebound}");
    let nameless = agent.raw("GET /healthz HTTP/1.0\r\n\r\n");
    assert!(nameless.contains("must name one host"), "{nameless}");
    assert!(!rebound.contains("sequence"));
}

#[test]
fn streams_go_on_and_are_few() {
    let agent = Agent::start("max_watchers = 1");
    let mut pictures = agent.open("/live.mjpg");
    agent::read_until(
        &mut pictures,
        "edge-agent-picture\r\nContent-Type: image/jpeg",
    );
    let refused = agent.get("/live.mjpg");
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("raise http.max_watchers"), "{refused}");
    drop(pictures);
    agent.until("/live.jpg", |reply| reply.starts_with("HTTP/1.1 200"));
    let mut events = agent.open("/events/stream");
    let told = agent::read_until(&mut events, "id: ");
    assert!(told.contains("text/event-stream"), "{told}");
    agent::read_until(&mut events, "\"schema\":1");
}

#[test]
fn slow_clients_hold_up_neither_frames_nor_others() {
    let agent = Agent::start("");
    // Some say nothing, some ask for pictures without an end and read none.
    let mut idle: Vec<_> = (0..6).map(|_| agent.connect()).collect();
    idle.extend((0..4).map(|_| agent.open("/live.mjpg")));
    let frames = |agent: &Agent| -> u64 {
        let state: Value = serde_json::from_str(&agent.body("/state")).unwrap();
        state["camera"]["frames"].as_u64().unwrap()
    };
    let before = frames(&agent);
    let begun = Instant::now();
    while frames(&agent) < before + 50 {
        assert!(begun.elapsed() < PATIENCE, "frames stopped");
        std::thread::sleep(Duration::from_millis(100));
    }
    // Whoever sends nothing is cut off in the end.
    let mut rest = Vec::new();
    idle[0].read_to_end(&mut rest).unwrap();
}

#[test]
fn without_the_token_nothing_is_told() {
    let agent = Agent::start("token_file = \"token\"");
    let refused = agent.get("/events");
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    assert!(refused.contains("www-authenticate: Basic"), "{refused}");
    let shown = "GET /events HTTP/1.1\r\nHost: localhost\r\n\
                 Authorization: Bearer 0123456789abcdef\r\n\r\n";
    assert!(agent.raw(shown).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_person_sees_the_road() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(reason) => {
            println!("skip: {reason}; `cargo xtask setup` brings it");
            return;
        }
    };
    let agent = Agent::start("");
    agent.until("/events", |reply| reply.contains("\"sequence\":3,"));
    for (name, width, height, scheme) in
        [("desktop", 1280, 900, "light"), ("phone", 390, 844, "dark")]
    {
        browser.screen(width, height);
        browser.scheme(scheme);
        browser.open(&format!("http://{}/", agent.address));
        browser.wait("document.documentElement.dataset.frame");
        browser.wait("document.querySelectorAll('#events .crop').length >= 3");
        browser.wait("document.querySelector('#health').textContent === 'Frames come'");
        browser.wait("[...document.querySelectorAll('.crop')].every((i) => i.naturalWidth > 0)");
        // Boxes come with the next vehicle.
        browser.wait("document.querySelector('#now').textContent.startsWith('In the picture')");
        let fits = "document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(browser.run(&format!("return {fits}")), true, "{name}");
        // A picture that is not black all over.
        let lit = "return document.querySelector('#picture').getContext('2d')\
                   .getImageData(320, 180, 1, 1).data.slice(0, 3).some((v) => v > 20)";
        assert_eq!(browser.run(lit), true);
        if let Some(folder) = std::env::var_os("PAGE_SHOTS") {
            browser.screenshot(&std::path::Path::new(&folder).join(format!("{name}.png")));
        }
    }
    // No rule of the page's own policy is broken, and nothing fails.
    let errors = browser.errors();
    // The browser asks for an icon by itself, and a loaded machine may be late with a picture.
    let late = |text: &str| text.contains("live.jpg") && text.contains("503");
    let own = |text: &&String| !text.contains("favicon.ico") && !late(text);
    assert_eq!(errors.iter().filter(own).count(), 0, "{errors:#?}");
}

#[test]
fn a_page_that_found_no_place_goes_on() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(reason) => {
            println!("skip: {reason}; `cargo xtask setup` brings it");
            return;
        }
    };
    let agent = Agent::start("max_watchers = 1");
    let mut follower = agent.open("/events/stream");
    agent::read_until(&mut follower, "id: ");
    browser.open(&format!("http://{}/", agent.address));
    browser.wait("document.querySelector('#events .crop')");
    let newest = browser.run("return document.querySelector('#events .crop').src");
    // It asks for what came, as long as nobody tells it.
    browser.wait(&format!(
        "document.querySelector('#events .crop').src !== {newest}"
    ));
    // And takes the place that becomes free.
    browser.run(
        "window.EventSource = class extends EventSource {\
           constructor(url) { super(url); this.addEventListener('open', () => window.placed = 1); }\
         }",
    );
    drop(follower);
    browser.wait("window.placed");
}

#[test]
fn a_taken_port_does_not_stop_the_road() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let agent = Agent::silent(&format!("listen = \"{}\"", taken.local_addr().unwrap()));
    let told = agent.told_until("http.listen: cannot listen on ");
    assert!(told.contains("trying again"), "{told}");
    let mut line = [0];
    agent.events().read_exact(&mut line).unwrap();
    assert_eq!(&line, b"{");
}
