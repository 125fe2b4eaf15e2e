//! The page's files, which are part of the program.

use super::respond::{Body, answer, full, with};
use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};

/// Path, type and content of every file.
const FILES: [(&str, &str, &str); 8] = [
    ("/", "text/html; charset=utf-8", include_str!("../../assets/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("../../assets/style.css")),
    ("/app.js", JAVASCRIPT, include_str!("../../assets/app.js")),
    ("/feed.js", JAVASCRIPT, include_str!("../../assets/feed.js")),
    ("/map.js", JAVASCRIPT, include_str!("../../assets/map.js")),
    ("/track.js", JAVASCRIPT, include_str!("../../assets/track.js")),
    ("/table.js", JAVASCRIPT, include_str!("../../assets/table.js")),
    ("/favicon.svg", "image/svg+xml", include_str!("../../assets/favicon.svg")),
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the page.
#[derive(Debug)]
pub(super) struct Asset {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
    tag: HeaderValue,
}

/// All files.
#[derive(Debug)]
pub(super) struct Assets(Vec<Asset>);

impl Assets {
    pub(super) fn new() -> Self {
        let asset = |(path, content_type, content)| Asset { path, content_type, content, tag: tag(content) };
        Assets(FILES.map(asset).into())
    }

    /// The file at `path`.
    pub(super) fn find(&self, path: &str) -> Option<&Asset> {
        self.0.iter().find(|asset| asset.path == path)
    }
}

impl Asset {
    /// The file, or the word that the browser's copy is still right.
    pub(super) fn answer(&self, held: Option<&HeaderValue>) -> Response<Body> {
        let mut response = if held.is_some_and(|held| self.is_among(held)) {
            answer(StatusCode::NOT_MODIFIED, self.content_type, full(Bytes::new()))
        } else {
            answer(StatusCode::OK, self.content_type, full(self.content))
        };
        response.headers_mut().insert(header::ETAG, self.tag.clone());
        // Kept, but asked for each time: a new program shows its new page at once.
        with(response, header::CACHE_CONTROL, "no-cache")
    }

    /// Whether one of the tags in an `If-None-Match` is this file's; proxies may have made it a weak one.
    fn is_among(&self, held: &HeaderValue) -> bool {
        let tags = held.to_str().unwrap_or_default().split(',').map(str::trim);
        let mut tags = tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag));
        tags.any(|tag| tag == "*" || self.tag == *tag)
    }
}

/// A tag that follows from the content alone (FNV-1a), so that it survives restarts.
fn tag(content: &str) -> HeaderValue {
    let hash = content
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    HeaderValue::from_str(&format!("\"{hash:016x}\"")).expect("hexadecimal digits are allowed in a header")
}
