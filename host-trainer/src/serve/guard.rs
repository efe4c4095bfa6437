//! Keeps other web sites out: a page elsewhere may make a browser on this machine send requests
//! here. Requests must name this page (against DNS rebinding), must not come from another
//! site's page, and answers tell the browser what it may do with them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// What the page itself may do: its own scripts and styles, pictures of its own and dropped
/// ones, nothing from anywhere else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a run's report or plot may do: show itself. It was made from file names and pictures of
/// other people.
pub const DOCUMENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     img-src data:; font-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; sandbox";

/// Headers of every answer that does not set them itself.
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(), geolocation=()",
    ),
];

/// The names under which the page may be reached.
#[derive(Clone, Debug)]
pub struct Names {
    own: Vec<String>,
    loopback: bool,
}

impl Names {
    /// For a page that listens on `address`; `own` are further names.
    pub fn new(address: SocketAddr, own: Vec<String>) -> Self {
        Self {
            own,
            loopback: address.ip().is_loopback(),
        }
    }

    /// Whether a Host header names this page. The port is not looked at, so that a forwarded
    /// port works: only a name can be rebound. An IP address cannot be, and is allowed where
    /// the page is open to the network anyway.
    fn include(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
        if let Ok(ip) = bare.unwrap_or(name).parse::<IpAddr>() {
            return !self.loopback || ip.is_loopback();
        }
        name.eq_ignore_ascii_case("localhost")
            || self.own.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Refuses foreign requests and adds the headers to every answer.
pub async fn watch(State(names): State<Arc<Names>>, request: Request, next: Next) -> Response {
    let mut response = match check(&names, request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    for (name, value) in HEADERS {
        let headers = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

fn check(names: &Names, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(&header::HOST).unwrap_or_default();
    let several = headers.get_all(header::HOST).iter().count() != 1;
    if several || !names.include(host) {
        let shown: String = host.chars().take(100).collect();
        return Err(Problem::ForeignHost(shown));
    }
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let own = match headers.get(header::ORIGIN) {
        // The scheme is not looked at: a proxy may add TLS.
        Some(origin) => origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host)),
        // No browser leaves it out of another site's POST; programs do.
        None => !matches!(
            text(&HeaderName::from_static("sec-fetch-site")),
            Some("cross-site" | "same-site")
        ),
    };
    own.then_some(()).ok_or(Problem::ForeignOrigin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(listen: &str) -> Names {
        Names::new(listen.parse().unwrap(), vec!["lab.example".into()])
    }

    #[test]
    fn a_rebound_name_is_refused() {
        let (here, open) = (names("127.0.0.1:80"), names("0.0.0.0:80"));
        for (host, allowed_here, allowed_open) in [
            ("localhost", true, true),
            ("LOCALHOST:9000", true, true),
            ("127.0.0.1:8017", true, true),
            ("127.8.9.1", true, true),
            ("[::1]:8017", true, true),
            ("lab.example:8017", true, true),
            ("192.168.1.7:8017", false, true),
            ("evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example:8017", false, false),
            ("localhost:x", false, false),
            ("", false, false),
        ] {
            assert_eq!(here.include(host), allowed_here, "{host}");
            assert_eq!(open.include(host), allowed_open, "{host}");
        }
    }

    #[test]
    fn another_sites_post_is_refused() {
        let post = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("localhost:8017"));
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            check(&names("127.0.0.1:80"), &Method::POST, &headers).is_ok()
        };
        assert!(post(&[]));
        assert!(post(&[("origin", "http://localhost:8017")]));
        assert!(post(&[("sec-fetch-site", "same-origin")]));
        for origin in [
            "http://localhost:9",
            "http://127.0.0.1:8017",
            "http://evil.example",
            "null",
        ] {
            assert!(!post(&[("origin", origin)]), "{origin}");
        }
        assert!(!post(&[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn a_host_given_twice_is_refused() {
        let mut headers = HeaderMap::new();
        for host in ["localhost", "evil.example"] {
            headers.append("host", HeaderValue::from_static(host));
        }
        assert!(check(&names("127.0.0.1:80"), &Method::GET, &headers).is_err());
    }
}
