//! What a run depends on, in one number.

use std::fs;
use std::path::Path;

use dd_data::Task;
use dd_encoder2d::ModelFolder;
use dd_graph::FeaturizerConfig;
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::error::{Result, TrainError};
use crate::evaluation::data::{known, path};
use crate::evaluation::plan::{Method, Plan};
use crate::evaluation::{Group, Workplace, network};

/// SHA-256 of everything that a run depends on.
pub(super) fn settings(
    plan: &Plan,
    workplace: &Workplace,
    group: &Group<'_>,
    seed: u64,
) -> Result<String> {
    let table = path(group.set, &workplace.tables);
    let mut digest = Sha256::new()
        .chain_update(fs::read(&table).map_err(TrainError::io(&table))?)
        .chain_update(group.share.to_le_bytes())
        .chain_update(seed.to_le_bytes())
        .chain_update(group.seeds[0].to_le_bytes());
    let tuned = matches!(
        group.contender.method,
        Method::Finetune { .. } | Method::Scratch { .. }
    );
    if tuned {
        let epochs = group.set.epochs.unwrap_or(plan.finetune.epochs);
        digest.update(epochs.to_le_bytes());
        digest.update((plan.finetune.batch as u64).to_le_bytes());
        digest.update(plan.finetune.patience.to_le_bytes());
        for rate in &plan.finetune.learning_rates {
            digest.update(rate.to_le_bytes());
        }
    }
    match &group.contender.method {
        Method::Finetune {
            model,
            encoder_rate,
        } => {
            digest.update(identity(model, b"finetune")?);
            // Runs were stored before there were other rates, and stay valid.
            if *encoder_rate != 1.0 {
                digest.update(encoder_rate.to_le_bytes());
            }
        }
        Method::Probe { model } => digest.update(identity(model, b"probe")?),
        Method::Scratch { like } => {
            let (encoder, features) = network::describe(like)?;
            digest.update(format!("scratch {encoder:?} "));
            // Runs were stored before there were other features than these, and stay valid.
            digest.update(match features {
                FeaturizerConfig::Ogb(ogb) => format!("{ogb:?}"),
                other => format!("{other:?}"),
            });
        }
        Method::FingerprintForest { trees } => {
            digest.update(format!("forest {trees}"));
            if known(group.set)?.task == Task::Regression {
                digest.update(" third");
            }
        }
        Method::FingerprintLinear => digest.update("fingerprint linear"),
        Method::Chosen { .. } => unreachable!("a choice is in no group"),
    }
    Ok(hex(&digest.finalize()))
}

/// What a model is: its configuration and its weights.
fn identity(model: &Path, purpose: &[u8]) -> Result<Vec<u8>> {
    let folder = ModelFolder::open(model)?;
    let digest = Sha256::new()
        .chain_update(purpose)
        .chain_update(folder.config_text())
        .chain_update(folder.weights()?);
    Ok(digest.finalize().to_vec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use dd_mol::fingerprint::MorganConfig;

    use super::*;
    use crate::FinetuneConfig;
    use crate::evaluation::classical::PENALTIES;
    use crate::evaluation::network::MOST_REPEATS;

    /// Runs that are stored are known by [`settings`], which leave out what every run shares. Whoever changes one of these
    /// adds it to the settings, so that old runs are no longer taken for new ones, and then changes the number here.
    #[test]
    fn what_all_runs_share_is_as_it_was() {
        let configs = [FinetuneConfig::binary(), FinetuneConfig::regression()];
        let text = serde_json::to_string(&configs).unwrap();
        let shared = format!(
            "{text} {PENALTIES:?} {MOST_REPEATS} {:?}",
            MorganConfig::ECFP4
        );
        let digest = hex(&Sha256::digest(shared.as_bytes()));
        assert_eq!(&digest[..16], "aa5ed4d82b9f2830", "{shared}");
    }
    /// A network from scratch is known by the text of its configuration: a field that is added there makes stored runs others.
    #[test]
    fn networks_from_scratch_are_called_as_they_were() {
        let digest = |like: &str| {
            let (encoder, features) = network::describe(Path::new(like)).unwrap();
            let text = format!("{encoder:?} {features:?}");
            (
                hex(&Sha256::digest(text.as_bytes()))[..16].to_string(),
                text,
            )
        };
        for (like, expected) in [
            ("gin-128-node", "64fee2cb90041b35"),
            ("tokengt-128-node", "8814c7cc088b3dd7"),
        ] {
            let (found, text) = digest(like);
            assert_eq!(found, expected, "{text}");
        }
    }
}
