//! Who may ask: requests must name this page (against DNS rebinding, by which another web site
//! reaches it through a browser here) and show the token where there is one. Answers tell the
//! browser what it may do with them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use super::token::Token;

/// What the page may do: its own script, style and pictures, nothing from anywhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Under which names the page may be reached, and with which token.
#[derive(Debug)]
pub struct Guard {
    names: Vec<String>,
    loopback: bool,
    token: Option<Token>,
}

impl Guard {
    /// For a page at `address`; `names` are those besides localhost.
    pub fn new(address: SocketAddr, names: Vec<String>, token: Option<Token>) -> Self {
        Self {
            names,
            loopback: address.ip().is_loopback(),
            token,
        }
    }

    /// Whether a Host header names this page. Ports are not looked at, so that a forwarded one
    /// works: only a name can be rebound. An IP address cannot be, and is allowed where the
    /// page is open to the network anyway.
    fn names(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
        match bare.unwrap_or(name).parse::<IpAddr>() {
            Ok(ip) => !self.loopback || ip.is_loopback(),
            Err(_) => {
                let own = self.names.iter().map(String::as_str);
                own.chain(["localhost"])
                    .any(|own| own.eq_ignore_ascii_case(name))
            }
        }
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|value| value.to_str().ok());
        let host = host.unwrap_or_default();
        if hosts.next().is_some() || !self.names(host) {
            let shown: String = host.chars().take(100).collect();
            let told = format!(
                "this page is not known as {shown:?}; to use that name, add it to http.host_names"
            );
            return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, told));
        }
        let Some(token) = &self.token else {
            return Ok(());
        };
        let shown = headers.get(header::AUTHORIZATION);
        if shown
            .and_then(|value| value.to_str().ok())
            .is_some_and(|header| token.is_shown_by(header))
        {
            return Ok(());
        }
        let told = "show the token of http.token_file: as the password of any user, or as \
                    Authorization: Bearer TOKEN";
        let ask = "Basic realm=\"edge-agent\"";
        Err(Refusal::new(StatusCode::UNAUTHORIZED, told).with(header::WWW_AUTHENTICATE, ask))
    }
}

/// Refuses foreign requests and adds the headers to every answer.
pub async fn watch(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match guard.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebound_name_is_refused() {
        let guard =
            |listen: &str| Guard::new(listen.parse().unwrap(), vec!["camera.local".into()], None);
        let (here, open) = (guard("127.0.0.1:80"), guard("0.0.0.0:80"));
        for (host, allowed_here, allowed_open) in [
            ("localhost", true, true),
            ("LOCALHOST:9000", true, true),
            ("127.0.0.1:8080", true, true),
            ("[::1]:8080", true, true),
            ("Camera.local:8080", true, true),
            ("192.168.1.7:8080", false, true),
            ("evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example:80", false, false),
            ("localhost:x", false, false),
            ("", false, false),
        ] {
            assert_eq!(here.names(host), allowed_here, "{host}");
            assert_eq!(open.names(host), allowed_open, "{host}");
        }
        let mut twice = HeaderMap::new();
        for host in ["localhost", "evil.example"] {
            twice.append("host", HeaderValue::from_static(host));
        }
        assert!(here.check(&twice).is_err());
    }
}
