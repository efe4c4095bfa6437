//! Takes a request's body in, within bounds of bytes, time and memory held by all requests
//! together. Nothing is written to disk.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use models::picture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// Most bytes of a request's body.
pub const MAX_BODY_BYTES: u64 = picture::MAX_FILE_BYTES;
/// Most pictures in one request.
pub const MAX_PICTURES: usize = 64;
/// Most bytes of bodies in memory at one time, all requests together.
const MAX_HELD_BYTES: u64 = 4 * MAX_BODY_BYTES;
/// The unit in which held bytes are counted.
const BLOCK_BYTES: u64 = 64 << 10;

/// Takes bodies in.
#[derive(Clone, Debug)]
pub struct Intake {
    blocks: Arc<Semaphore>,
    patience: Duration,
}

/// A body in memory, counted among the held bytes until it is dropped.
#[derive(Debug)]
pub struct Upload {
    /// The body.
    pub bytes: Bytes,
    _blocks: Option<OwnedSemaphorePermit>,
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
    /// Bodies may take `patience` to come in.
    pub fn new(patience: Duration) -> Self {
        Self {
            blocks: Arc::new(Semaphore::new((MAX_HELD_BYTES / BLOCK_BYTES) as usize)),
            patience,
        }
    }

    /// Reads a whole body.
    pub async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Upload, Problem> {
        let announced = headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|bytes| bytes > MAX_BODY_BYTES) {
            return Err(Problem::TooLarge);
        }
        tokio::time::timeout(self.patience, self.collect(body))
            .await
            .unwrap_or(Err(Problem::Slow(self.patience.as_secs())))
    }

    async fn collect(&self, mut body: Body) -> Result<Upload, Problem> {
        let mut bytes = Vec::new();
        let mut held: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.map_err(|_| Problem::Broken)?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let length = (bytes.len() + data.len()) as u64;
            if length > MAX_BODY_BYTES {
                return Err(Problem::TooLarge);
            }
            let needed = length.div_ceil(BLOCK_BYTES) as usize;
            let missing = needed - held.as_ref().map_or(0, |held| held.num_permits());
            if missing > 0 {
                let more = self.blocks.clone().try_acquire_many_owned(missing as u32);
                let more = more.map_err(|_| Problem::Busy)?;
                match &mut held {
                    Some(held) => held.merge(more),
                    None => held = Some(more),
                }
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Upload {
            bytes: bytes.into(),
            _blocks: held,
        })
    }
}

impl Upload {
    /// The pictures of a multipart/form-data body: every part that is a file or has bytes.
    /// `content_type` is the request's.
    pub async fn parts(&self, content_type: &header::HeaderValue) -> Result<Vec<Part>, Problem> {
        let failed = |error: &dyn std::fmt::Display| Problem::Multipart(error.to_string());
        let mut request = Request::new(Body::from(self.bytes.clone()));
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type.clone());
        // The extractor's own limit on bodies does not apply: the body is already bounded.
        axum::extract::DefaultBodyLimit::disable().apply(&mut request);
        let mut multipart = Multipart::from_request(request, &())
            .await
            .map_err(|error| failed(&error))?;
        let mut parts = Vec::new();
        while let Some(field) = multipart.next_field().await.map_err(|e| failed(&e))? {
            let name = field.file_name().map(String::from);
            let bytes = field.bytes().await.map_err(|e| failed(&e))?;
            if parts.len() == MAX_PICTURES {
                return Err(Problem::TooMany);
            }
            parts.push(Part { name, bytes });
        }
        if parts.is_empty() {
            return Err(Problem::Empty);
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(intake: &Intake, body: Body) -> Result<Upload, Problem> {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(intake.read(&HeaderMap::new(), body))
    }

    #[test]
    fn held_bytes_are_bounded_over_all_requests() {
        let intake = Intake::new(Duration::from_secs(5));
        let body = Bytes::from(vec![0; MAX_BODY_BYTES as usize]);
        let held: Vec<Upload> = (0..4)
            .map(|_| read(&intake, body.clone().into()).unwrap())
            .collect();
        assert!(matches!(
            read(&intake, "one more".into()),
            Err(Problem::Busy)
        ));
        drop(held);
        assert_eq!(
            &read(&intake, "one more".into()).unwrap().bytes[..],
            b"one more"
        );
    }

    #[test]
    fn a_body_that_grows_beyond_the_limit_is_refused() {
        let intake = Intake::new(Duration::from_secs(5));
        let body = Bytes::from(vec![0; MAX_BODY_BYTES as usize + 1]);
        assert!(matches!(read(&intake, body.into()), Err(Problem::TooLarge)));
    }
}
