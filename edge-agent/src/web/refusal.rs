//! An answer that is a refusal: a status, a line that says what to do, sometimes one header.

use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

/// A refusal.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    header: Option<(HeaderName, &'static str)>,
    told: String,
}

impl Refusal {
    /// With this status, in these words.
    pub fn new(status: StatusCode, told: impl Into<String>) -> Self {
        Self {
            status,
            header: None,
            told: told.into(),
        }
    }

    /// Its words.
    #[cfg(test)]
    pub fn told(&self) -> &str {
        &self.told
    }

    /// The same with a header.
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = format!("{}\n", self.told);
        match self.header {
            Some(header) => (self.status, [header], body).into_response(),
            None => (self.status, body).into_response(),
        }
    }
}
