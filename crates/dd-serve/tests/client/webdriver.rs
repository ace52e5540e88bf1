//! A browser that is driven over WebDriver (W3C recommendation of 2018).

#![allow(clippy::unwrap_used, dead_code)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Client;

/// Key under which WebDriver names elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One window of a headless Chromium.
pub(crate) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
}

impl Browser {
    /// Starts driver and browser, or says what is missing. `profile` is a new folder.
    pub(crate) fn start(profile: &Path) -> Result<Self, String> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("chromedriver: {error}"))?;
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, after) = line.split_once("started successfully on port ")?;
            after.trim_end_matches('.').parse::<u16>().ok()
        });
        // The pipe stays open, or the driver ends at its next word.
        std::thread::spawn(move || lines.for_each(drop));
        let Some(port) = port else {
            let _ = driver.kill();
            return Err("chromedriver says no port".into());
        };
        let mut browser = Self {
            driver,
            address: ([127, 0, 0, 1], port).into(),
            session: String::new(),
        };
        let profile = format!("--user-data-dir={}", profile.display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1200,900",
            profile.as_str(),
        ];
        let options = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"args": arguments}}}});
        let reply = Client::new(browser.address).ask("POST", "/session", &options.to_string());
        if reply.status != 200 {
            return Err(format!("no session: {}", reply.body));
        }
        browser.session = reply.json()["value"]["sessionId"].as_str().unwrap().into();
        Ok(browser)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        let body = if method == "POST" {
            body.to_string()
        } else {
            String::new()
        };
        let reply = Client::new(self.address).ask(method, &path, &body);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.json()["value"].clone()
    }

    pub(crate) fn open(&self, url: &str) {
        self.ask("POST", "/url", &json!({"url": url}));
    }

    /// Runs a script of the page's language and gives what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.ask(
            "POST",
            "/execute/sync",
            &json!({"script": script, "args": []}),
        )
    }

    /// Runs a script until it returns what is expected, ten seconds at most.
    pub(crate) fn wait(&self, script: &str, expected: &Value) {
        let start = Instant::now();
        loop {
            let got = self.run(script);
            if got == *expected {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{script} is {got}, not {expected}; the page shows: {}",
                self.run("return document.body.innerText")
            );
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Presses keys in an element.
    pub(crate) fn keys(&self, selector: &str, text: &str) {
        let found = json!({"using": "css selector", "value": selector});
        let element = self.ask("POST", "/element", &found);
        let path = format!("/element/{}/value", element[ELEMENT].as_str().unwrap());
        self.ask("POST", &path, &json!({"text": text}));
    }

    /// Clicks an element.
    pub(crate) fn click(&self, selector: &str) {
        let found = json!({"using": "css selector", "value": selector});
        let element = self.ask("POST", "/element", &found);
        let path = format!("/element/{}/click", element[ELEMENT].as_str().unwrap());
        self.ask("POST", &path, &json!({}));
    }

    /// Presses the mouse at the first point of the window and lets go at the last.
    pub(crate) fn drag(&self, points: &[(f64, f64)]) {
        let go = |&(x, y): &(f64, f64)| json!({"type": "pointerMove", "duration": 20, "x": x.round() as i64, "y": y.round() as i64});
        let mut actions = vec![go(&points[0]), json!({"type": "pointerDown", "button": 0})];
        actions.extend(points[1..].iter().map(go));
        actions.push(json!({"type": "pointerUp", "button": 0}));
        let mouse = json!({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions});
        self.ask("POST", "/actions", &json!({"actions": [mouse]}));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let path = format!("/session/{}", self.session);
            let quit =
                std::panic::catch_unwind(|| Client::new(self.address).ask("DELETE", &path, ""));
            drop(quit);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
