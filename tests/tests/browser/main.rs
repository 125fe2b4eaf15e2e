//! The page in headless Chromium: what it shows, how it follows, and whom it serves.
//!
//! Pictures of the screen are left in `target/tmp/browser`.

mod chromium;
mod city;
mod demo;
mod site;

use chromium::{Page, Screen, browse};
use city::City;
use site::Site;
use std::io::{Read, Write};
use std::net::TcpStream;
use transit_dashboard::Options;
use transit_model::simulation::Incidents;
use transit_model::{Line, Network};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const DOWN: &str = "\u{e015}";
const END: &str = "\u{e010}";
const HOME: &str = "\u{e011}";

/// Stations of the visible rows.
const STATIONS: &str = "[...document.querySelectorAll('tbody tr:not([hidden]) th')].map(th => th.innerText)";
/// Trains in the table, wherever they are.
const TRAINS: &str = "[...document.querySelectorAll('tbody [data-train]')].map(tag => tag.dataset.train).sort()";

/// A city in which nothing goes wrong, and its page.
fn site_and_city() -> (Site, City) {
    let site = Site::start();
    let city = City::new(site.hub.clone(), Incidents::NONE);
    (site, city)
}

fn train_ids() -> Vec<String> {
    let of = |line: Line| (0..10).map(move |number| format!("{}{number:03}", line.train_prefix()));
    Line::ALL.into_iter().flat_map(of).collect()
}

async fn until_complete(page: &Page) {
    page.until("document.querySelectorAll('tbody tr').length === 94").await;
    page.until("document.querySelectorAll('tbody [data-train]').length === 30").await;
}

#[test]
fn shows_every_station_in_order_with_trains_riders_and_weather() {
    let (site, mut city) = site_and_city();
    city.tell_everything();
    browse("everything", site.address, Screen::DESK, async |page: Page| {
        until_complete(&page).await;
        page.until("document.querySelector('#connection').innerText === 'Live'").await;
        assert_eq!(page.value("document.title").await, "CTA Status");
        let network = Network::chicago();
        let in_order = Line::ALL.into_iter().flat_map(|line| network.line(line)).map(|station| station.name.clone());
        assert_eq!(page.strings(STATIONS).await, in_order.collect::<Vec<_>>());
        assert_eq!(page.strings(TRAINS).await, train_ids());
        let row = "document.querySelector('tr[data-station=\"40890\"]')";
        let cells = page.strings(&format!("[...{row}.cells].map(cell => cell.innerText)")).await;
        let picture = site.hub.picture();
        let counts = picture.counts.iter().find(|counts| counts.station_id == 40890).expect("O'Hare has counts");
        let riders = counts.riders_last_hour.expect("riders are known").to_string();
        let entries = counts.entries.expect("entries are known").to_string();
        assert_eq!(cells, ["Blue", "O'Hare", "---", "BL000", &entries, &riders]);
        let colour = |line| format!("getComputedStyle(document.querySelector('.chip.{line}')).backgroundColor");
        assert_eq!(page.value(&colour("blue")).await, "rgb(30, 144, 255)");
        assert_eq!(page.value(&colour("green")).await, "rgb(50, 205, 50)");
        assert_eq!(page.value(&colour("red")).await, "rgb(220, 20, 60)");
        let weather = picture.weather.expect("the weather is known");
        let shown = page.strings("['temperature', 'weather'].map(id => document.getElementById(id).innerText)").await;
        assert_eq!(shown, [format!("{} °F", weather.temperature), weather.description]);
        let clock = page.strings("['clock-time', 'clock-date'].map(id => document.getElementById(id).innerText)").await;
        assert_eq!(clock, ["00:00", "Wed, Oct 17"]);
        assert_eq!(page.value("document.querySelectorAll('#map .train:not(.lost)').length").await, 30);
        assert_eq!(page.value("document.querySelectorAll('#map .station').length").await, 92, "two are on two lines");
        page.screenshot("desk").await;
    });
}

#[test]
fn counts_have_thousands_separators_and_status_is_shown_when_not_in_service() {
    let site = Site::start();
    let mut city = City::new(site.hub.clone(), Incidents { delay: 1.0, ..Incidents::NONE });
    city.tell_everything();
    for _ in 0..102 {
        city.count_riders();
    }
    browse("morning", site.address, Screen::DESK, async |page: Page| {
        until_complete(&page).await;
        let tags = page.strings("[...document.querySelectorAll('.tag')].map(tag => tag.innerText)").await;
        assert!(tags.iter().all(|tag| tag.ends_with(" delayed")), "{tags:?}");
        let counts = page.strings("[...document.querySelectorAll('td.number')].map(cell => cell.innerText)").await;
        let picture = site.hub.picture();
        let total: u64 = picture.counts.iter().filter_map(|counts| counts.entries).sum();
        let most = picture.counts.iter().filter_map(|counts| counts.entries).max().expect("stations have counts");
        assert!(most > 1_000 && most < 1_000_000, "{most}");
        assert!(counts.contains(&format!("{},{:03}", most / 1_000, most % 1_000)), "{most}: {counts:?}");
        let shown = page.value("document.getElementById('entries').innerText").await;
        assert_eq!(shown, format!("{},{:03}", total / 1_000, total % 1_000));
    });
}

#[test]
fn trains_move_on_the_map_and_in_the_table_without_reload() {
    let (site, mut city) = site_and_city();
    city.tell_everything();
    browse("motion", site.address, Screen::DESK, async |page: Page| {
        until_complete(&page).await;
        page.run("window.probe = 1; document.querySelectorAll('tbody tr').forEach(row => { row.probe = 1; });").await;
        page.run(
            "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(e => { shift += e.value; }))\
             .observe({ type: 'layout-shift', buffered: true });",
        )
        .await;
        page.run(
            "window.place = id => { const { x, y } = document.querySelector(`#map [data-train=${id}]`)\
                  .getBoundingClientRect(); return [x, y]; }; window.before = place('BL000');",
        )
        .await;
        let row_of =
            |train| format!("document.querySelector('tbody [data-train={train}]').closest('tr').dataset.station");
        for station in &Network::chicago().line(Line::Blue)[1..4] {
            // Moves that follow each other closely are not animated.
            page.until("performance.now() > (window.waited ??= performance.now()) + 400").await;
            page.run("window.waited = undefined;").await;
            city.move_trains();
            page.until(&format!("{} === '{}'", row_of("BL000"), station.station_id)).await;
            assert!(page.value("document.getAnimations().some(a => a.effect.target.closest('#map'))").await == true);
            assert_eq!(page.strings(TRAINS).await, train_ids(), "each train once");
        }
        page.screenshot("moving").await;
        page.run("document.getAnimations().forEach(animation => animation.finish());").await;
        let moved = "Math.hypot(place('BL000')[0] - before[0], place('BL000')[1] - before[1])";
        assert!(page.value(moved).await.as_f64().expect("a distance") > 40.0);
        assert_eq!(page.value("window.probe").await, 1, "the page was not loaded again");
        let kept = "[...document.querySelectorAll('tbody tr')].filter(row => row.probe).length";
        assert_eq!(page.value(kept).await, 94, "no row was built anew");
        assert_eq!(page.value("window.shift").await, 0, "nothing jumps");
    });
}

#[test]
fn trains_do_not_glide_for_those_who_want_it_calm() {
    let (site, mut city) = site_and_city();
    city.tell_everything();
    browse("calm", site.address, Screen::DESK.calm(), async |page: Page| {
        until_complete(&page).await;
        page.until("performance.now() > 1500").await;
        city.move_trains();
        page.until("document.querySelector('tbody [data-train=BL000]').closest('tr').dataset.station === '40820'")
            .await;
        assert_eq!(page.value("document.getAnimations().length").await, 0);
    });
}

#[test]
fn a_station_inserted_while_running_appears_in_its_place() {
    let (site, mut city) = site_and_city();
    city.tell_everything();
    browse("inserted", site.address, Screen::DESK, async |page: Page| {
        until_complete(&page).await;
        city.tell_station(Line::Blue, 49_999, "Lower Wacker", 16);
        page.until("document.querySelectorAll('tbody tr').length === 95").await;
        let stations = page.strings(STATIONS).await;
        assert_eq!(stations[16..19], ["Clark/Lake", "Lower Wacker", "Washington"]);
        let labels = page.strings("[...document.querySelectorAll('#map .label')].map(l => l.textContent)").await;
        assert_eq!(labels.iter().filter(|label| *label == "Lower Wacker").count(), 1);
        assert_eq!(
            page.value("document.getElementById('news').innerText").await,
            "New station: Lower Wacker, blue line"
        );
        city.tell_station(Line::Red, 49_998, "130th", 33);
        page.until("document.querySelectorAll('tbody tr').length === 96").await;
        assert_eq!(page.strings(STATIONS).await.last().expect("there are rows"), "130th");
        assert_eq!(page.strings(TRAINS).await, train_ids());
        let outside = "[...document.querySelectorAll('#map .label, #map .train')].filter(e => {\
            const frame = document.getElementById('map').getBoundingClientRect(), box = e.getBoundingClientRect();\
            return box.top < frame.top || box.bottom > frame.bottom || box.left < frame.left || box.right > frame.right; })\
            .map(e => e.textContent)";
        assert_eq!(page.strings(outside).await, [""; 0], "the map has room for it");
        page.screenshot("desk").await;
    });
}

#[test]
fn every_part_is_reached_by_keyboard() {
    let (site, mut city) = site_and_city();
    city.tell_everything();
    browse("keyboard", site.address, Screen::DESK, async |page: Page| {
        until_complete(&page).await;
        let focus =
            "document.activeElement.innerText || document.activeElement.placeholder || document.activeElement.id";
        page.press(TAB).await;
        assert_eq!(page.value(focus).await, "Skip to the table of stations");
        page.until("document.activeElement.getBoundingClientRect().top >= 0").await;
        page.press(ENTER).await;
        page.until("document.activeElement.id === 'stations'").await;
        page.press(TAB).await;
        assert_eq!(page.value(focus).await, "O'Hare");
        page.press(DOWN).await;
        assert_eq!(page.value(focus).await, "Rosemont");
        assert_eq!(page.value("document.querySelector('.label.chosen').textContent").await, "Rosemont");
        page.screenshot("focus").await;
        page.press(END).await;
        assert_eq!(page.value(focus).await, "95th/Dan Ryan");
        page.press(HOME).await;
        assert_eq!(page.value(focus).await, "O'Hare");
        let outline = page.value("getComputedStyle(document.activeElement).outlineStyle").await;
        assert_eq!(outline, "solid", "the focus can be seen");
        page.run("document.querySelector('.skip').focus();").await;
        let mut stops = Vec::new();
        for _ in 0..6 {
            page.press(TAB).await;
            stops.push(page.value(focus).await);
        }
        assert_eq!(stops, ["All", "Blue", "Green", "Red", "Find a station", "O'Hare"], "the table is one stop");
    });
}

#[test]
fn the_table_is_filtered_by_line_and_name() {
    let (site, mut city) = site_and_city();
    city.tell_everything();
    browse("filter", site.address, Screen::DESK, async |page: Page| {
        until_complete(&page).await;
        page.click("#filters [data-line=green]").await;
        assert_eq!(page.strings(STATIONS).await.len(), 28);
        assert_eq!(page.value("document.getElementById('news').innerText").await, "28 rows shown");
        page.click("#search").await;
        page.press("lake").await;
        assert_eq!(page.strings(STATIONS).await, ["Harlem/Lake", "Clark/Lake", "State/Lake"]);
        page.press(" shore").await;
        assert_eq!(page.value("document.getElementById('none').innerText").await, "No station fits.");
        page.run("document.querySelector('#map [data-key=\"red:40900\"]').dispatchEvent(new MouseEvent('click', { bubbles: true }));").await;
        assert_eq!(page.value("document.activeElement.innerText").await, "Howard", "a click on the map finds the row");
        assert_eq!(page.strings(STATIONS).await.len(), 94);
    });
}

#[test]
fn a_screen_reader_finds_names_and_is_not_disturbed() {
    let (site, mut city) = site_and_city();
    city.tell_everything();
    browse("reader", site.address, Screen::DESK, async |page: Page| {
        until_complete(&page).await;
        let table = "document.getElementById('stations')";
        assert_eq!(page.value(&format!("{table}.caption.innerText")).await, "Stations, trains and riders");
        assert_eq!(page.value(&format!("{table}.querySelectorAll('thead th[scope=col]').length")).await, 6);
        assert_eq!(page.value(&format!("{table}.querySelectorAll('tbody th[scope=row]').length")).await, 94);
        let unnamed = "[...document.querySelectorAll('button, a, input')].filter(e => !(e.innerText || e.labels?.[0]?.innerText)).length";
        assert_eq!(page.value(unnamed).await, 0);
        assert_eq!(page.value("document.documentElement.lang").await, "en");
        page.run("window.said = 0; document.querySelectorAll('[role=status]').forEach(region =>\
                  new MutationObserver(() => { said += 1; }).observe(region, { subtree: true, childList: true, characterData: true }));")
            .await;
        city.move_trains();
        page.until("document.querySelector('tbody [data-train=BL000]').closest('tr').dataset.station === '40820'")
            .await;
        assert_eq!(page.value("window.said").await, 0, "trains that move are not announced");
    });
}

#[test]
fn a_phone_needs_no_sideways_scrolling() {
    let site = Site::start();
    let mut city = City::new(site.hub.clone(), Incidents { breakdown: 1.0, ..Incidents::NONE });
    city.tell_everything();
    for _ in 0..102 {
        city.count_riders();
    }
    browse("phone", site.address, Screen::PHONE, async |page: Page| {
        until_complete(&page).await;
        assert_eq!(page.value("innerWidth").await, 360);
        assert_eq!(page.value("document.documentElement.scrollWidth").await, 360);
        let outside = "[...document.querySelectorAll('th, td, button, .fact, .label.major text')].filter(e => {\
            const box = e.getBoundingClientRect(); return box.left < 0 || box.right > 360; }).map(e => e.innerText ?? e.textContent)";
        assert_eq!(page.strings(outside).await, [""; 0]);
        let cut = "[...document.querySelectorAll('tbody td, tbody button, .fact p')].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText)";
        assert_eq!(page.strings(cut).await, [""; 0], "nothing is cut off");
        let small = "[...document.querySelectorAll('#filters button, #search')].filter(e => e.getBoundingClientRect().height < 44).length";
        assert_eq!(page.value(small).await, 0, "fingers find the buttons");
        page.screenshot("top").await;
        page.run("document.getElementById('stations').scrollIntoView();").await;
        page.screenshot("table").await;
        page.show_on(Screen::PHONE.dark()).await;
        page.screenshot("table-dark").await;
        page.run("scrollTo(0, 0);").await;
        page.screenshot("top-dark").await;
    });
}

/// Texts whose contrast with what lies behind them is below 4.5, in words.
const FAINT: &str = "(() => {
    const parse = text => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = node => {
        for (; node; node = node.parentElement) {
            const color = parse(getComputedStyle(node).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color;
        }
        return [255, 255, 255];
    };
    const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const own = node => [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
    return [...document.querySelectorAll('body *')].filter(node => own(node) && node.localName !== 'title').map(node => {
        const color = getComputedStyle(node)[node.closest('svg') ? 'fill' : 'color'];
        return [ratio(light(parse(color)), light(behind(node))), node.outerHTML.slice(0, 60)];
    }).filter(([ratio]) => ratio < 4.5).map(([ratio, text]) => `${ratio.toFixed(2)} ${text}`);
})()";

#[test]
fn light_and_dark_have_enough_contrast() {
    let site = Site::start();
    let mut city = City::new(site.hub.clone(), Incidents { delay: 0.5, ..Incidents::NONE });
    city.tell_everything();
    browse("dark", site.address, Screen::DESK.calm(), async |page: Page| {
        until_complete(&page).await;
        let page_colour = "getComputedStyle(document.documentElement).backgroundColor";
        assert_eq!(page.value(page_colour).await, "rgb(238, 241, 245)");
        assert_eq!(page.strings(FAINT).await, [""; 0]);
        page.show_on(Screen::DESK.dark().calm()).await;
        assert_eq!(page.value(page_colour).await, "rgb(13, 17, 23)");
        assert_eq!(page.strings(FAINT).await, [""; 0]);
        page.screenshot("desk").await;
    });
}

#[test]
fn says_what_it_waits_for() {
    let (site, mut city) = site_and_city();
    browse("waiting", site.address, Screen::DESK, async |page: Page| {
        let waiting = "[...document.querySelectorAll('#waiting:not([hidden]) li')].map(item => item.innerText)";
        let all = [
            "the station table",
            "train arrivals",
            "turnstile counts",
            "riders in the last hour",
            "the first weather report",
        ];
        page.until(&format!("{waiting}.length === 5")).await;
        assert_eq!(page.strings(waiting).await, all);
        assert_eq!(page.value("document.getElementById('none').innerText").await, "Waiting for the station table.");
        page.screenshot("desk").await;
        page.show_on(Screen::PHONE).await;
        page.screenshot("phone").await;
        city.tell_stations();
        page.until("document.querySelectorAll('tbody tr').length === 94").await;
        page.until(&format!("{waiting}.length === 4")).await;
        assert_eq!(page.strings(waiting).await, all[1..]);
        city.move_trains();
        city.count_riders();
        page.until(&format!("{waiting}.length === 1")).await;
        assert_eq!(page.strings(waiting).await, all[4..]);
        city.report_weather();
        page.until("document.getElementById('waiting').hidden").await;
    });
}

#[test]
fn comes_back_after_the_server_was_restarted() {
    let (site, mut city) = site_and_city();
    city.tell_everything();
    let address = site.address;
    browse("restart", address, Screen::DESK, async |page: Page| {
        until_complete(&page).await;
        page.run("window.probe = 1;").await;
        drop(site);
        page.until("document.getElementById('connection').innerText === 'Reconnecting'").await;
        assert_eq!(page.strings(TRAINS).await, train_ids(), "what was known stays");
        page.screenshot("lost").await;
        let site = Site::start_at(address);
        let mut city = City::new(site.hub.clone(), Incidents::NONE);
        city.tell_everything();
        (0..3).for_each(|_| city.move_trains());
        page.until("document.getElementById('connection').innerText === 'Live'").await;
        let third = Network::chicago().line(Line::Blue)[3].station_id.to_string();
        let place = "document.querySelector('tbody [data-train=BL000]').closest('tr').dataset.station";
        page.until(&format!("{place} === '{third}'")).await;
        assert_eq!(page.strings(TRAINS).await, train_ids(), "each train once");
        assert_eq!(page.value("window.probe").await, 1, "the page was not loaded again");
    });
}

#[test]
fn comes_back_after_the_server_was_full() {
    let site = Site::start_with(Options { watchers_max: 1, ..Options::default() });
    let mut city = City::new(site.hub.clone(), Incidents::NONE);
    city.tell_everything();
    let mut other = TcpStream::connect(site.address).expect("the server listens");
    other.write_all(b"GET /events HTTP/1.1\r\nhost: other\r\n\r\n").expect("it can be asked");
    let mut answer = [0; 12];
    other.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 200");
    browse("full", site.address, Screen::DESK, async |page: Page| {
        // A refusal ends the browser's own attempts for good; the page asks again by itself.
        while !site.metrics().contains("{status=\"503\"}") {
            page.until("document.readyState === 'complete'").await;
        }
        assert_eq!(page.value("document.getElementById('connection').innerText").await, "Connecting");
        drop(other);
        until_complete(&page).await;
        assert_eq!(page.value("document.getElementById('connection').innerText").await, "Live");
    });
}
