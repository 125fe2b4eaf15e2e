//! The page of the whole system: the demo in a process of its own, on a directory of its own.

use crate::chromium::{Page, Screen, browse};
use clap::Parser;
use sqlx::{Connection, SqliteConnection};
use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use transit_demo::DemoSettings;
use transit_part::{Stop, stop_on_signals};

/// Set where this program is to be the demo: its arguments, one a line.
const ARGUMENTS: &str = "TRANSIT_TEST_DEMO_ARGUMENTS";

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    demo: DemoSettings,
}

/// Not a test by itself: the process that [`Demo`] starts.
#[test]
fn process() {
    let Ok(arguments) = env::var(ARGUMENTS) else { return };
    let program = Program::parse_from(["demo"].into_iter().chain(arguments.lines()));
    let stop = Stop::default();
    stop_on_signals(&stop).expect("signals can be watched");
    let ran = transit_demo::run(&program.demo, &stop, |page, _| println!("page: {page}"));
    ran.expect("the demo runs until it is stopped");
}

/// A demo that runs. Dropping it kills it.
struct Demo {
    process: Child,
    address: SocketAddr,
}

impl Demo {
    fn start(directory: &Path, port: u16) -> Demo {
        let directory = directory.to_str().expect("a temporary directory is text");
        let arguments = format!("--dir\n{directory}\n--port\n{port}\n--step-ms\n1000\n--seed\n7\n--poll-ms\n200");
        let mut process = Command::new(env::current_exe().expect("this program has a path"))
            .args(["--exact", "demo::process", "--nocapture"])
            .env(ARGUMENTS, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let said = BufReader::new(process.stdout.take().expect("its output is piped")).lines().map_while(Result::ok);
        let address = said.filter_map(|line| line.rsplit_once("page: ")?.1.parse().ok()).next();
        Demo { address: address.expect("the demo says where its page is"), process }
    }
}

impl Drop for Demo {
    /// As `kill -9` does.
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Inserts a platform of a new station into the demo's database.
async fn insert_station(directory: &Path, stop_id: i32, station_id: i32, name: &str) {
    let url = format!("sqlite:{}", directory.join("stations.db").display());
    let mut database = SqliteConnection::connect(&url).await.expect("the demo has made its database");
    let insert = "INSERT INTO stations (stop_id, direction_id, stop_name, station_name, station_descriptive_name, \
        station_id, \"order\", red, blue, green) VALUES (?, 'N', ?, ?, ?, ?, 16, 0, 1, 0)";
    let query = sqlx::query(insert).bind(stop_id).bind(name).bind(name).bind(name).bind(station_id);
    query.execute(&mut database).await.expect("the row is inserted");
}

async fn entries(page: &Page) -> i64 {
    let text = page.value("document.getElementById('entries').innerText").await;
    text.as_str().expect("it is text").replace(',', "").parse().expect("it is a number")
}

const TRAINS: &str = "new Set([...document.querySelectorAll('tbody [data-train]')].map(tag => tag.dataset.train)).size";
const TAGS: &str = "document.querySelectorAll('tbody [data-train]').length";

#[test]
fn the_whole_system_is_on_the_page_and_again_after_kill_9() {
    let directory = tempfile::tempdir().expect("a directory");
    let demo = Demo::start(directory.path(), 0);
    let port = demo.address.port();
    browse("demo", demo.address, Screen::DESK, async |page: Page| {
        page.run("window.probe = 1;").await;
        page.until("document.querySelectorAll('tbody tr').length === 94").await;
        page.until(&format!("{TAGS} === 30 && {TRAINS} === 30")).await;
        page.until("document.getElementById('waiting').hidden").await;
        assert!(page.value("document.getElementById('temperature').innerText").await.to_string().contains("°F"));
        let place = "document.querySelector('tbody [data-train=BL000]').closest('tr').dataset.station";
        let before = page.value(place).await.to_string();
        page.until(&format!("{place} !== {before}")).await;
        insert_station(directory.path(), 39_999, 49_999, "Lower Wacker").await;
        page.until("document.querySelectorAll('tbody tr').length === 95").await;
        assert_eq!(
            page.value("document.querySelector('tr[data-station=\"49999\"] th').innerText").await,
            "Lower Wacker"
        );
        page.screenshot("desk").await;
        drop(demo);
        page.until("document.getElementById('connection').innerText === 'Reconnecting'").await;
        let counted = entries(&page).await;
        let place_before = page.value(place).await.to_string();
        let _demo = Demo::start(directory.path(), port);
        page.until("document.getElementById('connection').innerText === 'Live'").await;
        page.until(&format!("document.querySelectorAll('tbody tr').length === 95 && {TAGS} === 30 && {TRAINS} === 30"))
            .await;
        page.until(&format!("{place} !== {place_before}")).await;
        page.until("document.getElementById('waiting').hidden").await;
        assert!(entries(&page).await >= counted, "nobody is forgotten");
        assert_eq!(page.value("window.probe").await, 1, "the page was not loaded again");
    });
}
