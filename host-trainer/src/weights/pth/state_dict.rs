//! What a checkpoint's objects mean: which of them are the weights, and under which names.
//! No bytes of files.

use super::objects::{Id, Object, Objects};
use super::tensor::{Element, Storage, View};
use crate::weights::Weights;

/// Where training scripts put the weights when they keep more in the file.
const WRAPPERS: [&str; 3] = ["state_dict", "model", "model_state_dict"];
/// What `torch.nn.DataParallel` puts before every name.
const PARALLEL: &str = "module.";
/// Numbers that are read from one file: the largest network here has 5.5 million.
const MOST_NUMBERS: usize = 1 << 26;

/// The arrays of the state dict that `root` is or wraps. `fetch` gives a storage's bytes.
/// 64-bit integers (step counters) are left out.
pub(super) fn arrays(
    objects: &Objects,
    root: Id,
    fetch: &mut dyn FnMut(&Storage) -> Result<Vec<u8>, String>,
) -> Result<Weights, String> {
    let mut views = views(objects, root)?;
    let parallel = views.iter().all(|(name, _)| name.starts_with(PARALLEL));
    let count = |total: usize, (_, view): &(&str, &View)| {
        let total = total.checked_add(view.count()?)?;
        (total <= MOST_NUMBERS && view.storage.bytes()? <= 8 * MOST_NUMBERS).then_some(total)
    };
    if views.iter().try_fold(0, count).is_none() {
        return Err(format!(
            "it has more than {MOST_NUMBERS} numbers; no MobileNetV3 has so many"
        ));
    }
    // Tensors that share a storage follow each other, so that it is fetched once.
    views.sort_by(|(_, a), (_, b)| a.storage.key.cmp(&b.storage.key));
    let mut weights = Weights::new();
    let mut last: Option<(&Storage, Vec<u8>)> = None;
    for (name, view) in views {
        let bytes = match last.take() {
            Some((storage, bytes)) if *storage == view.storage => bytes,
            _ => fetch(&view.storage)?,
        };
        let array = view.array(&bytes).map_err(|e| format!("{name} {e}"))?;
        let name = if parallel {
            &name[PARALLEL.len()..]
        } else {
            name
        };
        weights.insert(name.into(), array);
        last = Some((&view.storage, bytes));
    }
    Ok(weights)
}

/// The tensors by name, without step counters.
fn views(objects: &Objects, root: Id) -> Result<Vec<(&str, &View)>, String> {
    let wrapped = WRAPPERS
        .iter()
        .filter_map(|key| objects.entry(root, key))
        .find(|id| matches!(objects.get(*id), Object::Dictionary(_)));
    let entries = objects
        .entries(wrapped.unwrap_or(root))
        .ok_or("it holds no numbers by name; save a state dict")?;
    let mut views = Vec::new();
    for (name, id) in entries {
        match objects.get(id) {
            Object::Tensor(view) if view.storage.element == Element::I64 => {}
            Object::Tensor(view) => views.push((name, view)),
            _ => {}
        }
    }
    if views.is_empty() {
        return Err("it holds no tensors by name; save a state dict".into());
    }
    Ok(views)
}
