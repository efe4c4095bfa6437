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

use super::agent::PATIENCE;

/// A browser with one window. Dropping it ends it.
pub struct Browser {
    driver: Child,
    session: String,
    client: ureq::Agent,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts Chromium; or says what is missing.
    pub fn start() -> Result<Self, String> {
        let chromium = on_path(&["chromium", "chromium-browser", "google-chrome"])
            .ok_or("Chromium is not installed")?;
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
        let client = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .build()
            .new_agent();
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{}/session", port.expect("its port")),
            client,
            _folder: folder,
        };
        let mut arguments = vec![
            "--headless=new",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-proxy-server",
        ];
        // Chromium refuses its sandbox to the superuser, whom containers use.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            arguments.push("--no-sandbox");
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let session = browser.call("", &wanted);
        let id = session["sessionId"].as_str().unwrap();
        browser.session = format!("{}/{id}", browser.session);
        Ok(browser)
    }

    fn call(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.session);
        let mut reply = self.client.post(url).send(body.to_string()).unwrap();
        let text = reply.body_mut().read_to_string().unwrap();
        assert_eq!(reply.status().as_u16(), 200, "{path} {body}: {text}");
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        answer["value"].take()
    }

    /// Loads a page.
    pub fn open(&self, url: &str) {
        self.call("/url", &json!({ "url": url }));
    }

    /// What a script, the body of a function, returns.
    pub fn run(&self, script: &str) -> Value {
        self.call("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true.
    pub fn wait(&self, condition: &str) {
        let begun = Instant::now();
        while self.run(&format!("return Boolean({condition})")) != true {
            let text = || self.run("return document.body.innerText");
            assert!(
                begun.elapsed() < PATIENCE,
                "waited in vain for {condition}: {} {:?}",
                text(),
                self.errors()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The console's errors and warnings since the last call.
    pub fn errors(&self) -> Vec<String> {
        let entries = self.call("/se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().unwrap().iter();
        let bad = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
        entries
            .filter(bad)
            .map(|entry| entry["message"].to_string())
            .collect()
    }

    fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.call("/goog/cdp/execute", &body)
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
        let media = json!({ "features": features });
        self.devtools("Emulation.setEmulatedMedia", media);
    }

    /// The whole page as a PNG file.
    pub fn screenshot(&self, path: &Path) {
        let root = "document.documentElement";
        let size = self.run(&format!("return [{root}.clientWidth, {root}.scrollHeight]"));
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
        let _ = self.client.delete(&self.session).call();
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
