//! Headless Chromium, driven over WebDriver by a chromedriver of our own.
//!
//! Every test has its own browser with an empty profile; one runs at a time, for a browser is heavy.

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use url::{ParseError, Url};

/// How long something may take to show up. Only a failure waits for so long.
const PATIENCE: Duration = Duration::from_secs(30);

const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1440,1000",
];

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A screen that the page is looked at on.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    pub is_dark: bool,
    pub is_calm: bool,
}

impl Screen {
    pub const DESK: Screen = Screen { width: 1440, height: 1000, is_dark: false, is_calm: false };
    pub const PHONE: Screen = Screen { width: 360, height: 740, is_dark: false, is_calm: false };

    pub const fn dark(self) -> Screen {
        Screen { is_dark: true, ..self }
    }

    pub const fn calm(self) -> Screen {
        Screen { is_calm: true, ..self }
    }
}

/// How often a chromedriver is started that ends at once.
const ATTEMPTS: usize = 3;

/// A chromedriver process. Dropping it ends its browsers, then itself.
struct Driver {
    process: Child,
    port: u16,
    _alone: MutexGuard<'static, ()>,
}

impl Driver {
    fn start() -> Driver {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        // It ends if somebody else binds the port that it has chosen.
        let started = (0..ATTEMPTS).find_map(|_| attempt());
        let (process, port) = started.expect("chromedriver says its port");
        Driver { process, port, _alone: alone }
    }
}

/// A chromedriver and its port; `None` if it ended without saying that.
fn attempt() -> Option<(Child, u16)> {
    let mut process = Command::new("chromedriver")
        .args(["--port=0", "--log-level=WARNING"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| missing("chromedriver", &error));
    let output = process.stdout.take().expect("its output is piped");
    let said = BufReader::new(output).lines().map_while(Result::ok);
    let port = said.filter_map(|line| line.strip_suffix('.')?.rsplit_once("on port ")?.1.parse().ok()).next();
    match port {
        Some(port) => Some((process, port)),
        None => {
            process.wait().expect("it is our child");
            None
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A driver that is simply killed leaves its browsers behind.
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            drop(write!(stream, "GET /shutdown HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", self.port));
        }
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                drop(self.process.kill());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn missing(program: &str, error: &std::io::Error) -> ! {
    panic!("{program} cannot be started ({error}): the page tests need `apt-get install chromium chromium-driver`")
}

/// The page in a browser.
pub struct Page {
    client: Client,
    name: &'static str,
}

/// Opens `address` on `screen` and does `look` with it; then holds that the console stayed without errors.
pub fn browse<F: Future<Output = ()>>(
    name: &'static str,
    address: std::net::SocketAddr,
    screen: Screen,
    look: impl FnOnce(Page) -> F,
) {
    let chromium = Command::new("chromium").arg("--version").output();
    chromium.unwrap_or_else(|error| missing("chromium", &error));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let driver = Driver::start();
    let profile = tempfile::tempdir().expect("a directory for the profile");
    runtime.block_on(async {
        let page = Page { client: connect(&driver, profile.path()).await, name };
        page.show_on(screen).await;
        page.client.goto(&format!("http://{address}/")).await.expect("the page loads");
        let client = page.client.clone();
        look(page).await;
        let errors = console_errors(&client).await;
        assert!(errors.is_empty(), "the console has errors: {errors:#?}");
        client.close().await.expect("the browser closes");
    });
    drop(driver);
}

async fn connect(driver: &Driver, profile: &std::path::Path) -> Client {
    let mut flags: Vec<String> = FLAGS.map(String::from).into();
    flags.push(format!("--user-data-dir={}", profile.display()));
    let capabilities = json!({
        "goog:chromeOptions": { "args": flags },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(capabilities.as_object().expect("it is one").clone());
    builder.connect(&format!("http://127.0.0.1:{}", driver.port)).await.expect("chromium starts")
}

/// Messages of the level SEVERE. That the server cannot be reached is what the page is there to cope with.
async fn console_errors(client: &Client) -> Vec<String> {
    let log = client.issue_cmd(Post { path: "se/log", body: json!({ "type": "browser" }) }).await.expect("a log");
    let entries = log.as_array().cloned().unwrap_or_default();
    let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
    let messages = severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned());
    messages.filter(|message| !message.contains("/events - Failed to load resource: ")).collect()
}

impl Page {
    /// Makes the screen another one.
    pub async fn show_on(&self, screen: Screen) {
        let Screen { width, height, is_dark, is_calm } = screen;
        let is_phone = width < 600;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": if is_phone { 2 } else { 1 }, "mobile": is_phone,
        });
        let features = json!([
            { "name": "prefers-color-scheme", "value": if is_dark { "dark" } else { "light" } },
            { "name": "prefers-reduced-motion", "value": if is_calm { "reduce" } else { "no-preference" } },
        ]);
        self.command("Emulation.setDeviceMetricsOverride", metrics).await;
        self.command("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// A command of the DevTools protocol.
    pub async fn command(&self, command: &str, params: Value) -> Value {
        let body = json!({ "cmd": command, "params": params });
        self.client.issue_cmd(Post { path: "goog/cdp/execute", body }).await.expect("chromium knows the command")
    }

    /// The value of a JavaScript expression.
    pub async fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.client.execute(&script, vec![]).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The value of an expression for a list of strings.
    pub async fn strings(&self, expression: &str) -> Vec<String> {
        serde_json::from_value(self.value(expression).await).expect("it is a list of strings")
    }

    /// Does something in the page.
    pub async fn run(&self, script: &str) {
        self.client.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"));
    }

    /// Waits until an expression is true.
    pub async fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.value(expression).await != true {
            if Instant::now() > deadline {
                self.screenshot("failed").await;
                panic!("this did not become true: {expression}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Presses keys where the focus is. `\u{e004}` is Tab; see the WebDriver specification for others.
    pub async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.expect("something is focused");
        focused.send_keys(keys).await.expect("keys can be pressed");
    }

    /// Clicks on an element.
    pub async fn click(&self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await.expect("the element is there");
        element.click().await.expect("it can be clicked");
    }

    /// Leaves a picture of the screen in `target/tmp/browser`.
    pub async fn screenshot(&self, what: &str) {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("browser");
        std::fs::create_dir_all(&directory).expect("the directory can be created");
        let image = self.client.screenshot().await.expect("a screenshot");
        std::fs::write(directory.join(format!("{}-{what}.png", self.name)), image).expect("it can be written");
    }
}

/// A WebDriver command that fantoccini has no method for.
#[derive(Debug)]
struct Post {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Post {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
