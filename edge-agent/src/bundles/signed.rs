//! Whether bytes were signed by the key's owner, as the bundle that they claim to be. The only
//! room that knows minisign. What the bytes are is not looked at.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use minisign_verify::{Error, PublicKey, Signature};

/// Largest key or signature file, in bytes.
const MAX_BYTES: u64 = 4096;

/// Why a signature does not vouch for an archive.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; {advice}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
        /// Where such a file comes from.
        advice: &'static str,
    },
    /// A file is not what its place is for.
    #[error("{} is no {what}; {advice}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// Where such a file comes from.
        advice: &'static str,
    },
    /// Another key signed it.
    #[error("{} was made with another key than the public key {}; nothing was installed", signature.display(), key.display())]
    Key {
        /// The signature.
        signature: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The bytes are not those that were signed.
    #[error("{} does not fit {}: the archive was changed or damaged after it was signed; nothing was installed", signature.display(), file.display())]
    Forged {
        /// The signature.
        signature: PathBuf,
        /// What it should vouch for.
        file: PathBuf,
    },
    /// The signature is for another bundle.
    #[error("{} vouches for {told:?} and not for bundle:{id}; sign with `minisign -S -t bundle:{id} -m FILE`", signature.display())]
    OtherBundle {
        /// The signature.
        signature: PathBuf,
        /// Its trusted comment.
        told: String,
        /// The bundle in the archive.
        id: String,
    },
}

const KEY_ADVICE: &str = "give the public key that `minisign -G` made";
const SIGNATURE_ADVICE: &str = "sign the archive with `minisign -S -t bundle:ID -m FILE`";

/// A signature that was found to fit an archive's bytes.
#[derive(Debug)]
pub struct Vouched {
    path: PathBuf,
    comment: String,
}

/// Where the signature of `file` lies.
pub fn signature_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

/// Checks the signature beside `file` over its `bytes`.
pub fn verify(file: &Path, bytes: &[u8], key: &Path) -> Result<Vouched, SignatureError> {
    let path = signature_path(file);
    let public_key = PublicKey::decode(&text(key, KEY_ADVICE)?);
    let public_key = public_key.map_err(|_| SignatureError::Form {
        path: key.to_path_buf(),
        what: "minisign public key",
        advice: KEY_ADVICE,
    })?;
    let not_one = || SignatureError::Form {
        path: path.clone(),
        what: "minisign signature",
        advice: SIGNATURE_ADVICE,
    };
    let signature = Signature::decode(&text(&path, SIGNATURE_ADVICE)?).map_err(|_| not_one())?;
    match public_key.verify(bytes, &signature, false) {
        Ok(()) => Ok(Vouched {
            comment: signature.trusted_comment().to_string(),
            path,
        }),
        Err(Error::UnexpectedKeyId) => Err(SignatureError::Key {
            signature: path,
            key: key.to_path_buf(),
        }),
        Err(Error::InvalidSignature) => Err(SignatureError::Forged {
            signature: path,
            file: file.to_path_buf(),
        }),
        Err(_) => Err(not_one()),
    }
}

impl Vouched {
    /// Whether it is this bundle that is vouched for: one word of the signed comment is
    /// `bundle:ID`.
    pub fn is_for(&self, id: &str) -> Result<(), SignatureError> {
        let word = format!("bundle:{id}");
        if self.comment.split_whitespace().any(|told| told == word) {
            return Ok(());
        }
        Err(SignatureError::OtherBundle {
            signature: self.path.clone(),
            told: self.comment.clone(),
            id: id.to_string(),
        })
    }
}

fn text(path: &Path, advice: &'static str) -> Result<String, SignatureError> {
    let read = |path: &Path| {
        let mut text = String::new();
        File::open(path)?
            .take(MAX_BYTES)
            .read_to_string(&mut text)?;
        Ok(text)
    };
    read(path).map_err(|source| SignatureError::Read {
        path: path.to_path_buf(),
        source,
        advice,
    })
}
