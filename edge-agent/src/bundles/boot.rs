//! Which bundle an agent starts with: the configured folder, the store's current one, the one
//! before it, or, when nothing else opens, the one compiled in. An agent always has one.

use std::collections::BTreeSet;
use std::path::Path;

use models::{Bundle, BundleError, Runner};

use super::BundleConfig;
use super::probation::Probation;
use super::state::{Start, State};
use super::store::{Store, StoreError};
use super::trial::Trial;
use crate::log;

/// The bundle in use.
#[derive(Debug)]
pub struct Active {
    /// The bundle.
    pub bundle: Bundle,
    /// Its network, proved on its golden pictures.
    pub runner: Runner,
    /// Its trial, if it has yet to prove itself.
    pub trial: Option<Trial>,
}

/// Bundles on trial whose start is counted already. A start is one of the process: a config that
/// is read again uses up none, and a crash is a new process.
#[derive(Debug, Default)]
pub struct Counted(BTreeSet<String>);

/// Gives the start of a bundle on trial back: the process ends because that was asked for or the
/// frames did, which is no fault of the bundle's. What cannot be written is told and changes
/// nothing.
pub fn ended_well(config: &BundleConfig, counted: &Counted) {
    let (None, Some(root), false) = (&config.path, &config.store, counted.0.is_empty()) else {
        return;
    };
    let given = Store::at(root).update(|state| {
        let current = state.current.as_ref();
        if current.is_some_and(|id| counted.0.contains(id)) {
            state.give_back(config.trial_starts);
        }
    });
    if let Err(error) = given {
        log::warning(format_args!("{error}"));
    }
}

/// Opens the bundle that the config asks for. Only a bundle that the config names itself can be
/// refused; with a store there is always one to fall back on.
pub fn open(config: &BundleConfig, counted: &mut Counted) -> Result<Active, BundleError> {
    match (&config.path, &config.store) {
        (Some(folder), _) => proved(Bundle::open(folder)?),
        (None, Some(root)) => from_store(root, config, counted),
        (None, None) => proved(Bundle::shipped()?),
    }
}

/// What a run would start with.
#[derive(Debug)]
pub struct Found {
    /// The bundle, proved on its golden pictures.
    pub bundle: Bundle,
    /// Why it is not the store's current one.
    pub problem: Option<String>,
}

/// Finds what [`open`] would give, without counting a start or taking anything back.
pub fn look(config: &BundleConfig) -> Result<Found, BundleError> {
    let root = match (&config.path, &config.store) {
        (None, Some(root)) => root,
        _ => {
            let bundle = open(config, &mut Counted::default())?.bundle;
            return Ok(Found {
                bundle,
                problem: None,
            });
        }
    };
    let mut problem = None;
    let store = Store::at(root);
    let state = store.state().unwrap_or_else(|error| {
        problem = Some(error.to_string());
        State::default()
    });
    for id in [&state.current, &state.previous] {
        let Some(id) = id else {
            break;
        };
        match opened(&store, id) {
            Ok(Active { bundle, .. }) => return Ok(Found { bundle, problem }),
            Err(error) => problem = Some(problem.unwrap_or_else(|| error.to_string())),
        }
    }
    let bundle = proved(Bundle::shipped()?)?.bundle;
    Ok(Found { bundle, problem })
}

/// A store's bundle under its own name.
fn opened(store: &Store, id: &str) -> Result<Active, BundleError> {
    let bundle = Bundle::open(&store.folder(id))?;
    if bundle.id() != id {
        return Err(BundleError::Damaged {
            bundle: bundle.origin().to_string(),
            file: models::bundle::MANIFEST.to_string(),
            what: format!("it is bundle {}", bundle.id()),
        });
    }
    proved(bundle)
}

fn proved(bundle: Bundle) -> Result<Active, BundleError> {
    let runner = Runner::new(&bundle).map_err(|source| BundleError::Runner {
        bundle: bundle.origin().to_string(),
        source,
    })?;
    Ok(Active {
        bundle,
        runner,
        trial: None,
    })
}

fn from_store(
    root: &Path,
    config: &BundleConfig,
    counted: &mut Counted,
) -> Result<Active, BundleError> {
    let (store, state) = match begin(root, counted) {
        Ok(begun) => begun,
        Err(error) => {
            log::error(format_args!("{error}"));
            log::info(format_args!("the bundle compiled in is used"));
            return proved(Bundle::shipped()?);
        }
    };
    for (id, is_current) in [(&state.current, true), (&state.previous, false)] {
        let Some(id) = id else {
            // The compiled-in one is in use, or comes next.
            break;
        };
        match opened(&store, id) {
            Ok(mut active) => {
                if is_current && let Some(left) = state.starts_left {
                    log::notice(format_args!("bundle {id} is on trial, {left} starts left"));
                    let probation = Probation::new(config);
                    active.trial = Some(Trial::new(store.clone(), id, probation));
                } else {
                    log::info(format_args!("bundle {id} of the store is used"));
                }
                return Ok(active);
            }
            Err(error) if is_current && state.on_trial() => {
                let probation = Probation::new(config);
                Trial::new(store.clone(), id, probation).fail(&error.to_string());
            }
            Err(error) => log::error(format_args!("{error}; the one before it is used")),
        }
    }
    log::info(format_args!("the bundle compiled in is used"));
    proved(Bundle::shipped()?)
}

/// Counts this start, unless it is counted already; the state that it has to go by.
fn begin(root: &Path, counted: &mut Counted) -> Result<(Store, State), StoreError> {
    let store = Store::open(root)?;
    // What an interrupted install left is not worth a start that fails.
    if let Ok(_lock) = store.lock_for_install() {
        let _ = store.sweep();
    }
    let begun = store.update(|state| {
        let current = state.current.as_ref();
        let again = current.is_some_and(|id| counted.0.contains(id));
        let start = (!again).then(|| state.start());
        (start, state.clone())
    });
    let (start, mut state) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            // A start that cannot be counted would let a bad bundle crash for ever.
            let mut state = store.state()?;
            if state.on_trial() {
                log::error(format_args!("{error}; the bundle on trial is passed over"));
                state.take_back();
            }
            (None, state)
        }
    };
    match start {
        Some(Start::TakenBack(id)) => {
            state.starts_left = None;
            log::warning(format_args!(
                "bundle {id} taken back: no start of it lasted until the end of its trial"
            ));
        }
        Some(Start::Trial(_)) => counted.0.extend(state.current.clone()),
        Some(Start::Good) | None => {}
    }
    Ok((store, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_end_gives_back_the_start_that_was_counted() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(place.path()).unwrap();
        let config = BundleConfig {
            store: Some(place.path().to_path_buf()),
            ..BundleConfig::default()
        };
        let left = || store.state().unwrap().starts_left;
        store
            .update(|state| state.switch("0123456789ab", 3))
            .unwrap();
        let mut counted = Counted::default();
        begin(place.path(), &mut counted).unwrap();
        assert_eq!(left(), Some(2));
        // The end of a process that counted none.
        ended_well(&config, &Counted::default());
        assert_eq!(left(), Some(2));
        ended_well(&config, &counted);
        assert_eq!(left(), Some(3));
        // Another bundle came meanwhile, and its start is another process's.
        store
            .update(|state| {
                state.switch("ba9876543210", 3);
                state.start()
            })
            .unwrap();
        ended_well(&config, &counted);
        assert_eq!(left(), Some(2));
    }

    #[test]
    fn a_trial_that_cannot_be_counted_is_passed_over() {
        const ID: &str = "0123456789ab";
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(place.path()).unwrap();
        store.update(|state| state.switch(ID, 3)).unwrap();
        let current = |counted: &mut Counted| begin(place.path(), counted).unwrap().1.current;
        let mut counted = Counted::default();
        assert_eq!(current(&mut counted).as_deref(), Some(ID));
        // Nothing can be written any more: the draft's name is taken.
        std::fs::create_dir(place.path().join("state.draft")).unwrap();
        // A config that is read again does not need to.
        assert_eq!(current(&mut counted).as_deref(), Some(ID));
        assert_eq!(current(&mut Counted::default()), None);
    }
}
