//! Prepares a network whose normalisations were folded away for training: they get the statistics
//! of changed training pictures and compute what they did before.

use super::batch;
use super::events::TrainError;
use super::recipe::Recipe;
use crate::loader::{EpochPlan, Pictures};
use crate::net::Net;
use models::Preprocessor;

/// Pictures that statistics are taken of.
const PICTURES: usize = 256;

/// See [`Net::renormalise`]; the pictures are changed by `recipe`.
pub fn renormalise(
    net: &mut Net,
    pictures: &Pictures,
    preprocessor: &Preprocessor,
    recipe: &Recipe,
    workers: usize,
) -> Result<(), TrainError> {
    let plan = EpochPlan {
        augment: &recipe.augment,
        preprocessor,
        batch_size: PICTURES,
        sampling: recipe.sampling,
        workers,
        seed: recipe.seed,
        epoch: 0,
    };
    let mut first = None;
    let _ = pictures.for_each_batch(&plan, |_, batch| {
        first = Some(batch);
        // One is enough.
        Err(())
    });
    if let Some(first) = first {
        let spec = preprocessor.spec();
        let side = [spec.height, spec.width];
        net.renormalise(&batch::on_device(&first, side, net.device())?.input)?;
    }
    Ok(())
}
