//! Headless Chromium through its driver, by the WebDriver protocol
//! (<https://www.w3.org/TR/webdriver2/>). Knows nothing of the page.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{PATIENCE, Reply, agent};

/// Key of an element's identifier in the protocol's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window. Dropping it ends it.
pub struct Browser {
    driver: Child,
    session: String,
    /// What both leave behind; removed after they have ended.
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts Chromium with a drawn webcam; or says what is missing.
    pub fn start() -> Result<Self, String> {
        let chromium = ["chromium", "chromium-browser", "google-chrome"];
        let chromium = on_path(&chromium).ok_or("Chromium is not installed")?;
        let driver = on_path(&["chromedriver"]).ok_or("chromedriver is not installed")?;
        let folder = tempfile::tempdir().unwrap();
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("chromedriver does not start: {error}"))?;
        let out = BufReader::new(driver.stdout.take().unwrap());
        let port = out.lines().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("successfully on port ")?;
            rest.trim_end_matches('.').parse::<u16>().ok()
        });
        let mut browser = Self {
            driver,
            _folder: folder,
            session: format!(
                "http://127.0.0.1:{}/session",
                port.expect("chromedriver's port")
            ),
        };
        let mut arguments = vec![
            "--headless=new",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-proxy-server",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
        ];
        // Chromium refuses its sandbox to the superuser, whom containers use.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            arguments.push("--no-sandbox");
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": 120_000, "pageLoad": 120_000 },
        }}});
        let session = browser.call("POST", "", &wanted);
        let id = session["sessionId"].as_str().unwrap();
        browser.session = format!("{}/{id}", browser.session);
        Ok(browser)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.session);
        let response = match method {
            "GET" => agent().get(url).call(),
            _ => agent().post(url).send(body.to_string()),
        };
        let reply = Reply::of(response);
        let mut answer: Value = serde_json::from_slice(&reply.bytes).unwrap();
        assert_eq!(reply.status, 200, "{method} {path} {body}: {answer}");
        answer["value"].take()
    }

    /// Loads a page.
    pub fn open(&self, url: &str) {
        self.call("POST", "/url", &json!({ "url": url }));
    }

    /// What a script, the body of a function, returns.
    pub fn run(&self, script: &str) -> Value {
        self.call(
            "POST",
            "/execute/sync",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// Waits until an expression is true.
    pub fn wait(&self, condition: &str) {
        let start = Instant::now();
        while self.run(&format!("return Boolean({condition})")) != true {
            if start.elapsed() > PATIENCE {
                let text = self.run("return document.body.innerText");
                panic!(
                    "waited in vain for: {condition}\nthe page says: {text}\n{:?}",
                    self.log()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The visible text of the elements that match.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let script = format!(
            "return [...document.querySelectorAll({})].map((e) => e.innerText)",
            json!(selector)
        );
        let texts = self.run(&script);
        let texts = texts.as_array().unwrap().iter();
        texts.map(|text| text.as_str().unwrap().into()).collect()
    }

    fn elements(&self, selector: &str) -> Vec<String> {
        let wanted = json!({ "using": "css selector", "value": selector });
        let found = self.call("POST", "/elements", &wanted);
        let found = found.as_array().unwrap().iter();
        found.map(|e| e[ELEMENT].as_str().unwrap().into()).collect()
    }

    /// Clicks the first element that matches, as a person would: it must be visible.
    pub fn click(&self, selector: &str) {
        let elements = self.elements(selector);
        let first = elements.first().expect(selector);
        self.call("POST", &format!("/element/{first}/click"), &json!({}));
    }

    /// Types into the first element that matches; into a file input, paths a line each.
    pub fn type_into(&self, selector: &str, text: &str) {
        let elements = self.elements(selector);
        let first = elements.first().expect(selector);
        self.call(
            "POST",
            &format!("/element/{first}/value"),
            &json!({ "text": text }),
        );
    }

    /// Presses keys where the focus is.
    pub fn press(&self, key: &str) {
        let keys = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": keys }] });
        self.call("POST", "/actions", &actions);
    }

    /// The names that a screen reader gives to the visible elements that match.
    pub fn spoken_names(&self, selector: &str) -> Vec<String> {
        let script = format!(
            "return [...document.querySelectorAll({})].filter((e) => e.checkVisibility())",
            json!(selector)
        );
        let elements = self.run(&script);
        let elements = elements.as_array().unwrap().iter();
        let name = |element: &Value| {
            let element = element[ELEMENT].as_str().unwrap();
            let label = format!("/element/{element}/computedlabel");
            let name = self.call("GET", &label, &json!(null));
            name.as_str().unwrap_or_default().to_string()
        };
        elements.map(name).collect()
    }

    /// The console's messages so far, each given once: level and text.
    pub fn log(&self) -> Vec<(String, String)> {
        let entries = self.call("POST", "/se/log", &json!({ "type": "browser" }));
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_string();
        let entries = entries.as_array().unwrap().iter();
        entries
            .map(|e| (text(e, "level"), text(e, "message")))
            .collect()
    }

    fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.call("POST", "/goog/cdp/execute", &body)
    }

    /// A screen of this size, of a phone below 600 pixels across.
    pub fn screen(&self, width: u32, height: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// `light` or `dark`.
    pub fn scheme(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
    }

    /// The whole page as a PNG file.
    pub fn screenshot(&self, path: &Path) {
        let size =
            "return [document.documentElement.clientWidth, document.documentElement.scrollHeight]";
        let size = self.run(size);
        let clip = json!({ "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1 });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let picture = self.devtools("Page.captureScreenshot", wanted);
        let bytes = BASE64_STANDARD.decode(picture["data"].as_str().unwrap());
        std::fs::write(path, bytes.unwrap()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser; the driver alone would leave it behind.
        let _ = agent().delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = names
        .iter()
        .flat_map(|name| folders.iter().map(move |f| f.join(name)));
    found.into_iter().find(|file| file.is_file())
}
