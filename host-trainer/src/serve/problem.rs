//! Everything that can be wrong with a request, as a status and one sentence in JSON.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use models::picture::DecodeError;
use serde_json::json;

use super::upload::{MAX_BODY_BYTES, MAX_PICTURES};

/// Seconds after which a client may ask again when everything is busy.
const RETRY_AFTER_SECONDS: &str = "1";

/// Why a request gets no answer.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The bytes are no usable picture.
    #[error("{0}")]
    Picture(#[from] DecodeError),
    /// Nothing was sent.
    #[error("the request is empty; send a picture's bytes, or several as multipart/form-data")]
    Empty,
    /// More bytes than are read.
    #[error("the upload is larger than {} MiB, the most that is read; send a smaller picture, or fewer at once", MAX_BODY_BYTES >> 20)]
    TooLarge,
    /// More pictures than are taken.
    #[error("more than {MAX_PICTURES} pictures at once; send fewer")]
    TooMany,
    /// A body that is not what its content type says.
    #[error("the multipart/form-data does not parse ({0})")]
    Multipart(String),
    /// The connection broke while the body came in.
    #[error("the upload broke off")]
    Broken,
    /// The body took too long.
    #[error("the upload took longer than the {0} seconds it may; send a smaller picture")]
    Slow(u64),
    /// Every thread and the queue are taken.
    #[error("too many pictures are waiting; try again in a moment")]
    Busy,
    /// The page was reached under a name that is not its own.
    #[error(
        "this page is not served as {0}; open it as localhost or by its IP address, or start it with --host-name"
    )]
    ForeignHost(String),
    /// Another site's page made the browser send this.
    #[error("another site's page may not send pictures here")]
    ForeignOrigin,
    /// There is no such thing.
    #[error("there is no such {0} here")]
    NotFound(&'static str),
    /// The path is right and the method is not.
    #[error("this address does not take that method; GET /api lists what there is")]
    Method,
    /// A parameter that cannot be.
    #[error("{0}")]
    Parameter(String),
    /// A run's file cannot be used.
    #[error("{0}")]
    Unreadable(String),
    /// A mistake in this program or its network.
    #[error("{0}")]
    Failed(String),
}

impl Problem {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Picture(_) | Self::Unreadable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Empty | Self::Multipart(_) | Self::Broken | Self::Parameter(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::TooLarge | Self::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::ForeignHost(_) | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.to_string() }));
        let mut response = (self.status(), body).into_response();
        if matches!(self, Self::Busy) {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_says_when_to_ask_again() {
        let response = Problem::Busy.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let other = Problem::TooLarge.into_response();
        assert_eq!(other.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(!other.headers().contains_key(header::RETRY_AFTER));
    }
}
