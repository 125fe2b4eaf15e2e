//! One POST in the format of Kafka's REST Proxy v2.

use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use kstreams::error::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use transit_model::records::schemas::{WEATHER_KEY, WEATHER_VALUE};
use transit_model::simulation::WeatherReport;

/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where reports go.
#[derive(Debug, Clone)]
pub(super) struct Target {
    host: String,
    port: u16,
    path: String,
}

/// What became of a report.
pub(super) enum Posted {
    /// It is written.
    Written,
    /// It may be written or not, for this reason.
    Unknown(String),
}

impl Target {
    /// The topic behind a gateway at `url`.
    ///
    /// # Errors
    /// `Config` if the URL is not `http://host:port`.
    pub(super) fn new(url: &str, topic: &str) -> Result<Target> {
        let uri = url.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("http"));
        let host = uri.as_ref().and_then(Uri::host).map(str::to_owned);
        let refused =
            || Error::new(ErrorKind::Config, format!("`{url}` is no gateway's address such as http://127.0.0.1:8082"));
        let (uri, host) = uri.zip(host).ok_or_else(refused)?;
        let path = format!("{}/topics/{topic}", uri.path().trim_end_matches('/'));
        Ok(Target { host, port: uri.port_u16().unwrap_or(80), path })
    }
}

/// Posts a report once.
///
/// # Errors
/// `Production` if the gateway refuses it: then it is not written, nor will it ever be.
pub(super) async fn post(target: &Target, report: &WeatherReport, now_ms: i64) -> Result<Posted> {
    let body = body(report, now_ms).to_string();
    match tokio::time::timeout(PATIENCE, exchange(target, body)).await {
        Err(_) => Ok(Posted::Unknown(format!("no answer within {} seconds", PATIENCE.as_secs()))),
        Ok(Err(reason)) => Ok(Posted::Unknown(reason)),
        Ok(Ok((status, _))) if status.is_success() => Ok(Posted::Written),
        Ok(Ok((status, answer))) if status.is_client_error() => {
            Err(Error::new(ErrorKind::Production, format!("the gateway refuses the report: {status}: {answer}")))
        }
        Ok(Ok((status, answer))) => Ok(Posted::Unknown(format!("{status}: {answer}"))),
    }
}

async fn exchange(target: &Target, body: String) -> Result<(StatusCode, String), String> {
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let request = Request::post(&target.path)
        .header(HOST, format!("{}:{}", target.host, target.port))
        .header(CONTENT_TYPE, "application/vnd.kafka.avro.v2+json")
        .header(ACCEPT, "application/vnd.kafka.v2+json")
        .body(Full::new(bytes::Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let answered = async move {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body =
            Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    };
    // The connection only moves bytes; it ends when the sender is dropped with the answer.
    let (answer, _closed) = tokio::join!(answered, connection);
    answer
}

fn body(report: &WeatherReport, now_ms: i64) -> Value {
    json!({
        "key_schema": WEATHER_KEY,
        "value_schema": WEATHER_VALUE,
        "records": [{
            "key": {"timestamp": now_ms},
            "value": {
                "temperature": report.temperature,
                "status": report.status,
                // Avro's JSON encoding names the branch of a union.
                "simulated_time": report.simulated_time.map(|ms| json!({"long": ms})),
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_http_with_a_host() {
        let target = Target::new("http://gateway:8082/", "weather").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.path.as_str()), ("gateway", 8082, "/topics/weather"));
        for refused in ["gateway:8082", "https://gateway", "http://", ""] {
            assert!(Target::new(refused, "weather").is_err(), "{refused}");
        }
    }
}
