//! Takes a request's body in, within bounds of bytes and time. Nothing is written to disk.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use models::picture;

use super::memory::Memory;
use super::problem::Problem;

/// Most bytes of a request's body.
pub const MAX_BODY_BYTES: u64 = picture::MAX_FILE_BYTES;
/// Most pictures in one request.
pub const MAX_PICTURES: usize = 64;

/// Takes bodies in.
#[derive(Clone, Debug)]
pub struct Intake {
    memory: Memory,
    patience: Duration,
}

/// One picture of an upload.
#[derive(Debug)]
pub struct Part {
    /// The file's name as the client calls it, for the answer alone.
    pub name: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Intake {
    /// Bodies may take `patience` to come in, and count in `memory` until the last use of their
    /// bytes ends.
    pub fn new(memory: Memory, patience: Duration) -> Self {
        Self { memory, patience }
    }

    /// Reads a whole body.
    pub async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        let announced = headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|bytes| bytes > MAX_BODY_BYTES) {
            return Err(Problem::TooLarge);
        }
        tokio::time::timeout(self.patience, self.collect(body))
            .await
            .unwrap_or(Err(Problem::Slow(self.patience.as_secs())))
    }

    async fn collect(&self, mut body: Body) -> Result<Bytes, Problem> {
        let mut held = self.memory.nothing();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.map_err(|_| Problem::Broken)?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if (held.len() + data.len()) as u64 > MAX_BODY_BYTES {
                return Err(Problem::TooLarge);
            }
            held.extend(&data)?;
        }
        Ok(held.into())
    }
}

/// The pictures of a multipart/form-data body: one for each part. `content_type` is the
/// request's.
pub async fn parts(
    body: Bytes,
    content_type: &header::HeaderValue,
    memory: &Memory,
) -> Result<Vec<Part>, Problem> {
    let failed = |error: &dyn std::fmt::Display| Problem::Multipart(error.to_string());
    let mut request = Request::new(Body::from(body));
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type.clone());
    // The extractor's own limit on bodies does not apply: the body is already bounded.
    axum::extract::DefaultBodyLimit::disable().apply(&mut request);
    let mut multipart = Multipart::from_request(request, &())
        .await
        .map_err(|error| failed(&error))?;
    let mut parts = Vec::new();
    while let Some(mut field) = multipart.next_field().await.map_err(|e| failed(&e))? {
        let name = field.file_name().map(String::from);
        let mut held = memory.nothing();
        while let Some(data) = field.chunk().await.map_err(|e| failed(&e))? {
            held.extend(&data)?;
        }
        if parts.len() == MAX_PICTURES {
            return Err(Problem::TooMany);
        }
        let bytes = held.into();
        parts.push(Part { name, bytes });
    }
    if parts.is_empty() {
        return Err(Problem::Empty);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Body) -> Result<Bytes, Problem> {
        let memory = Memory::new(2 * MAX_BODY_BYTES);
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(Intake::new(memory, Duration::from_secs(60)).read(&HeaderMap::new(), body))
    }

    #[test]
    fn a_body_that_grows_beyond_the_limit_is_refused() {
        let mut body = vec![7; MAX_BODY_BYTES as usize];
        assert_eq!(read(body.clone().into()).unwrap(), body);
        body.push(7);
        assert!(matches!(read(body.into()), Err(Problem::TooLarge)));
    }
}
