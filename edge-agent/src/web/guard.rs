//! Who may ask: requests must name this page (against DNS rebinding, by which another web site
//! reaches it through a browser here) and show the token where there is one. Answers tell the
//! browser what it may do with them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::config::is_host_name;
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
    /// For a page at `address`; `names` are those besides localhost. Where the page is open to the
    /// network `machine`, the name of this one there, counts too, and so does it with `.local`: no
    /// site elsewhere is called so.
    pub fn new(
        address: SocketAddr,
        mut names: Vec<String>,
        machine: Option<&str>,
        token: Option<Token>,
    ) -> Self {
        let loopback = address.ip().is_loopback();
        if let Some(machine) = machine.filter(|name| !loopback && is_host_name(name)) {
            let short = machine.split('.').next().unwrap_or(machine);
            names.extend([machine.to_string(), format!("{short}.local")]);
        }
        Self {
            names,
            loopback,
            token,
        }
    }

    /// Whether a name is this page's. An IP address cannot be rebound, and is allowed where the
    /// page is open to the network anyway.
    fn names(&self, name: &str) -> bool {
        let own = |own: &String| own.eq_ignore_ascii_case(name);
        if self.names.iter().any(own) {
            return true;
        }
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
        match bare.unwrap_or(name).parse::<IpAddr>() {
            Ok(ip) => !self.loopback || ip.is_loopback(),
            Err(_) => name.eq_ignore_ascii_case("localhost"),
        }
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let misdirected = |told: String| Refusal::new(StatusCode::MISDIRECTED_REQUEST, told);
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            let told = "the request must name one host; send the header Host with this page's name";
            return Err(misdirected(told.into()));
        };
        let name = without_port(host.to_str().unwrap_or_default());
        if !self.names(name) {
            let advice = if is_host_name(name) {
                "to use that name, add it to http.host_names"
            } else {
                "use its address, or a name that is in http.host_names"
            };
            let shown: String = name.chars().take(253).collect();
            let told = format!("this page is not known as {shown:?}; {advice}");
            return Err(misdirected(told));
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

/// A Host header's name. Ports are not looked at, so that a forwarded one works: only a name can
/// be rebound.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
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
    use super::super::HttpConfig;
    use super::*;

    fn guard(listen: &str) -> Guard {
        let names = vec!["camera.local".into(), "192.168.1.9".into()];
        Guard::new(listen.parse().unwrap(), names, Some("Gate-1"), None)
    }

    #[test]
    fn a_rebound_name_is_refused() {
        let (here, open) = (guard("127.0.0.1:80"), guard("0.0.0.0:80"));
        for (host, allowed_here, allowed_open) in [
            ("localhost", true, true),
            ("LOCALHOST:9000", true, true),
            ("127.0.0.1:8080", true, true),
            ("[::1]:8080", true, true),
            ("Camera.local:8080", true, true),
            ("192.168.1.7:8080", false, true),
            ("192.168.1.9:8080", true, true),
            // The machine's own name.
            ("gate-1", false, true),
            ("gate-1.local:8080", false, true),
            ("gate-1.evil.example", false, false),
            ("evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example:80", false, false),
            ("localhost:x", false, false),
            ("", false, false),
        ] {
            assert_eq!(here.names(without_port(host)), allowed_here, "{host}");
            assert_eq!(open.names(without_port(host)), allowed_open, "{host}");
        }
        let mut twice = HeaderMap::new();
        for host in ["localhost", "evil.example"] {
            twice.append("host", HeaderValue::from_static(host));
        }
        assert!(here.check(&twice).is_err());
    }

    #[test]
    fn a_machine_with_its_domain_is_known_by_its_short_name_too() {
        let address = "[::]:80".parse().unwrap();
        let guard = Guard::new(address, Vec::new(), Some("gate.example.org"), None);
        assert!(guard.names("gate.example.org") && guard.names("gate.local"));
        let guard = Guard::new(address, Vec::new(), Some("(none)"), None);
        assert!(!guard.names("(none)"));
    }

    /// What is told, and whether the name in it can be given to the config as it says.
    #[test]
    fn what_a_foreign_name_is_told_can_be_followed() {
        for (host, told) in [
            (
                Some("gate.local:8080"),
                "this page is not known as \"gate.local\"; to use that name, add it to \
                 http.host_names",
            ),
            (
                Some("[fe80::1]:8080"),
                "this page is not known as \"[fe80::1]\"; use its address, or a name that is in \
                 http.host_names",
            ),
            (
                Some(":80"),
                "this page is not known as \"\"; use its address, or a name that is in \
                 http.host_names",
            ),
            (
                None,
                "the request must name one host; send the header Host with this page's name",
            ),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                headers.append("host", HeaderValue::from_static(host));
            }
            let refusal = guard("127.0.0.1:80").check(&headers).unwrap_err();
            assert_eq!(refusal.told(), told, "{host:?}");
            if told.contains("add it to") {
                let name = told.split('"').nth(1).unwrap();
                let config = HttpConfig {
                    host_names: vec![name.into()],
                    ..HttpConfig::default()
                };
                assert_eq!(config.check(), Ok(()));
            }
        }
    }
}
