//! Fetching one published file over HTTP into a folder: goes on where it broke off, believes
//! neither length nor content, and puts the file in its place only when it is the right one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::{PretrainedError, Published, is_whole, sha256};

/// Tries in a row without a byte before the download is given up.
const FRUITLESS_TRIES: u32 = 3;
/// Wait between tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits for no server for ever, and follows the environment's proxy settings.
pub(super) fn agent() -> Agent {
    Agent::config_builder()
        .timeout_resolve(Some(Duration::from_secs(15)))
        .timeout_connect(Some(Duration::from_secs(15)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .timeout_per_read(Some(Duration::from_secs(30)))
        .http_status_as_error(false)
        .user_agent(concat!("car-colour/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// A file to fetch.
pub(super) struct Source<'a> {
    pub(super) agent: Agent,
    /// The address without the file name and its slash.
    pub(super) base: &'a str,
    pub(super) published: &'a Published,
    /// Where it is kept.
    pub(super) folder: &'a Path,
}

/// How one try ended.
enum End {
    /// All bytes are there.
    Whole,
    /// Some may be missing, for this reason.
    Broken(String),
    /// The server does not have the file.
    Refused(String),
    /// The server has another one.
    Other(String),
}

/// An error of the file on disk, or one that is said already.
enum Failure {
    Io(io::Error),
    Final(PretrainedError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Source<'_> {
    /// The whole address.
    pub(super) fn url(&self) -> String {
        format!("{}/{}", self.base, self.published.file)
    }

    /// Fetches the file; `progress` hears how many bytes are there. Two processes at once fetch
    /// it once.
    pub(super) fn fetch(&self, progress: &mut dyn FnMut(u64)) -> Result<PathBuf, PretrainedError> {
        let path = self.folder.join(self.published.file);
        let part = self.folder.join(format!("{}.part", self.published.file));
        match self.locked(&part, &path, progress) {
            Ok(()) => Ok(path),
            Err(Failure::Final(error)) => Err(error),
            Err(Failure::Io(source)) => Err(PretrainedError::Cache {
                path: self.folder.to_path_buf(),
                source,
            }),
        }
    }

    fn locked(
        &self,
        part: &Path,
        path: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Failure> {
        fs::create_dir_all(self.folder)?;
        // It dies with its holder.
        let lock = File::create(self.folder.join("lock"))?;
        lock.lock()?;
        if !is_whole(path, self.published) {
            self.complete(part, path, progress)?;
            fs::rename(part, path)?;
            File::open(self.folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Tries until `part` is the published file, which will then be `path`.
    fn complete(
        &self,
        part: &Path,
        path: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Failure> {
        let mut fruitless = 0;
        loop {
            let mut file = OpenOptions::new().create(true).append(true).open(part)?;
            let before = file.metadata()?.len();
            let end = self.once(&mut file, before, progress)?;
            let after = file.metadata()?.len();
            file.sync_all()?;
            match end {
                End::Whole => break,
                End::Other(found) => {
                    fs::remove_file(part)?;
                    return Err(self.other(found));
                }
                End::Refused(reason) => return Err(self.unreachable(reason, path)),
                End::Broken(reason) => {
                    fruitless = if after > before { 1 } else { fruitless + 1 };
                    if fruitless >= FRUITLESS_TRIES {
                        return Err(self.unreachable(reason, path));
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
        let digest = sha256(part)?;
        if digest != self.published.sha256 {
            fs::remove_file(part)?;
            let expected = self.published.sha256;
            return Err(self.other(format!("its SHA-256 is {digest} and not {expected}")));
        }
        Ok(())
    }

    /// One request for what is missing after the first `have` bytes.
    fn once(
        &self,
        file: &mut File,
        mut have: u64,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<End> {
        let whole = self.published.bytes;
        if have == whole {
            return Ok(End::Whole);
        }
        if have > whole {
            file.set_len(0)?;
            have = 0;
        }
        let mut request = self.agent.get(self.url());
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let mut response = match request.call() {
            Ok(response) => response,
            Err(error) => return Ok(End::Broken(error.to_string())),
        };
        match response.status() {
            StatusCode::OK => {
                file.set_len(0)?;
                have = 0;
            }
            StatusCode::PARTIAL_CONTENT if starts_at(&response, have) => {}
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                file.set_len(0)?;
                return Ok(End::Broken("the server cannot go on from there".into()));
            }
            status if status.is_server_error() => {
                return Ok(End::Broken(format!("the server answers {status}")));
            }
            status => return Ok(End::Refused(format!("the server answers {status}"))),
        }
        let length = response.body().content_length().map(|rest| have + rest);
        if let Some(length) = length.filter(|length| *length != whole) {
            return Ok(End::Other(format!("it has {length} bytes and not {whole}")));
        }
        receive(response.body_mut(), file, have, whole, progress)
    }

    fn other(&self, found: String) -> Failure {
        Failure::Final(PretrainedError::Other {
            url: self.url(),
            found,
        })
    }

    fn unreachable(&self, reason: String, path: &Path) -> Failure {
        Failure::Final(PretrainedError::Unreachable {
            url: self.url(),
            reason,
            path: path.to_path_buf(),
        })
    }
}

/// Appends the body to the file, never more than `whole` bytes in all.
fn receive(
    body: &mut Body,
    file: &mut File,
    mut have: u64,
    whole: u64,
    progress: &mut dyn FnMut(u64),
) -> io::Result<End> {
    let mut reader = body.as_reader();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) if have < whole => {
                return Ok(End::Broken("the connection ended too early".into()));
            }
            Ok(0) => return Ok(End::Whole),
            Ok(count) => count,
            Err(error) => return Ok(End::Broken(error.to_string())),
        };
        have += count as u64;
        if have > whole {
            return Ok(End::Other(format!("it has more than {whole} bytes")));
        }
        file.write_all(&buffer[..count])?;
        progress(have);
    }
}

/// Whether a partial answer starts at this byte.
fn starts_at(response: &Response<Body>, byte: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE);
    let range = range.and_then(|value| value.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {byte}-")))
}

#[cfg(test)]
mod tests;
