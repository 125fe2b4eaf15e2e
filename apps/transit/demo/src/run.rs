//! Starting the parts in the order in which they need each other, and ending them in the same order: what produces
//! first, what others still need last.

use crate::DemoSettings;
use crate::applications::Applications;
use crate::page::Page;
use crate::parts::Parts;
use crate::report::{Report, Usage};
use crate::sources::Sources;
use crate::watch::watch;
use kstreams::error::Result;
use std::net::SocketAddr;
use transit_dashboard::Hub;
use transit_gateway::{Gateway, GatewaySettings};
use transit_part::log::create_topics;
use transit_part::{Connection, ConnectionSettings, Stop};
use transit_producers::{arrivals_topics, weather_topic};

/// The largest body that the gateway takes, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Runs the demo until a stop is requested, or until its steps are done and counted. `running` is told the addresses of
/// page and gateway once everything runs.
///
/// # Errors
/// `InUse` if a port or the directory is another process's; `Io` if they cannot be used; `Config` if the directory
/// holds another simulation; what ends a part.
pub fn run(settings: &DemoSettings, stop: &Stop, running: impl FnOnce(SocketAddr, SocketAddr)) -> Result<Report> {
    let connection = connect(settings)?;
    let (parts, hub, served) = (Parts::new(stop.clone()), Hub::new(), Stop::default());
    let gateway = bind_gateway(&connection, settings)?;
    let page = Page::bind(settings, &hub)?;
    let (page_address, gateway_address) = (page.address(), gateway.address());
    let applications = Applications::start(&connection, settings, &hub)?;

    let page = {
        let (served, health, metrics) = (served.clone(), applications.health(), applications.metrics());
        parts.spawn("page", move || page.run(health, metrics, &served))?
    };
    let gateway = {
        let served = served.clone();
        parts.spawn("gateway", move || gateway.run(&served))?
    };
    let sources = Sources::start(&parts, &connection, settings, stop, gateway_address)?;
    running(page_address, gateway_address);

    let usage = watch(&parts, &connection, &applications, &sources, stop);
    stop.request();
    let (produced, stations_published) = sources.join();
    served.request();
    // Whatever they failed with is noted in `parts`.
    let _ended = (gateway.join(), page.join());
    applications.close().unwrap_or_else(|error| parts.fail(error));
    let usage: Result<Usage> = parts.outcome().and(usage);
    Ok(Report { produced, stations_published, usage: usage? })
}

/// Opens the directory's log and creates every topic, so that no part waits for another's.
fn connect(settings: &DemoSettings) -> Result<Connection> {
    let connection = ConnectionSettings { log: settings.log_url(), registry: None }.open()?;
    let mut topics = transit_stations::topics();
    topics.extend(transit_turnstiles::topics(settings.partitions));
    topics.extend(arrivals_topics(&settings.arrivals, &settings.topics()));
    topics.push(weather_topic(&settings.topics()));
    create_topics(&*connection.log, &topics)?;
    Ok(connection)
}

fn bind_gateway(connection: &Connection, settings: &DemoSettings) -> Result<Gateway> {
    let settings = GatewaySettings {
        listen: SocketAddr::from(([127, 0, 0, 1], settings.gateway_port)).to_string(),
        body_bytes_max: BODY_BYTES_MAX,
        id: "transit-gateway".into(),
    };
    Gateway::bind(connection.log.clone(), connection.registry.clone(), &settings)
}
