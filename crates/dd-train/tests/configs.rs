//! Configurations: presets are valid, survive TOML, and do not swallow mistakes.

#![allow(clippy::unwrap_used)]

use std::fmt::Debug;

use dd_train::{
    DistillConfig, FinetuneConfig, LossTerm, PretrainConfig, Schedule, ScheduleConfig, TrainError,
    from_toml, to_toml,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(config: &T) -> String {
    let text = to_toml(config).unwrap();
    assert_eq!(&from_toml::<T>(&text, "round trip").unwrap(), config);
    text
}

#[test]
fn presets_are_valid_and_survive_toml() {
    for config in [
        PretrainConfig::pcqm4mv2(0),
        PretrainConfig::small(1, 500),
        PretrainConfig::tiny(2, 500),
    ] {
        config.fit.validate().unwrap();
        config.denoiser.validate().unwrap();
        Schedule::new(config.fit.optimizer.lr, config.fit.schedule).unwrap();
        round_trip(&config);
    }
    for config in [
        DistillConfig::student_256(0, 100_000, LossTerm::node()),
        DistillConfig::tiny(0, 500, LossTerm::graph()),
    ] {
        config.fit.validate().unwrap();
        Schedule::new(config.fit.optimizer.lr, config.fit.schedule).unwrap();
        round_trip(&config);
    }
    let slow = FinetuneConfig {
        encoder_rate: 0.1,
        ..FinetuneConfig::binary()
    };
    for config in [FinetuneConfig::regression(), FinetuneConfig::binary(), slow] {
        config.fit.validate().unwrap();
        round_trip(&config);
    }
}

#[test]
fn the_published_recipe_is_the_published_recipe() {
    let config = PretrainConfig::pcqm4mv2(0);
    let schedule = Schedule::new(config.fit.optimizer.lr, config.fit.schedule).unwrap();
    assert_eq!(schedule.lr(0), 4e-8);
    assert_eq!(schedule.lr(9_999), 4e-4);
    assert!(schedule.lr(399_999) < 1e-14);
    assert_eq!(config.noise.sigma, 0.04);
    assert_eq!(config.fit.optimizer.weight_decay, 0.0);
}

#[test]
fn unknown_keys_are_errors_that_list_the_known_ones() {
    let text = round_trip(&PretrainConfig::tiny(0, 100)).replace("clip = ", "clipp = ");
    let error = from_toml::<PretrainConfig>(&text, "run.toml")
        .unwrap_err()
        .to_string();
    for part in ["run.toml", "clipp", "log_every", "line"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn values_that_make_no_run_are_errors_that_name_the_field() {
    let mut config = PretrainConfig::tiny(0, 100).fit;
    config.clip = Some(-1.0);
    assert!(matches!(
        config.validate(),
        Err(TrainError::Config {
            field: "fit.clip",
            ..
        })
    ));
    config.clip = None;
    config.ema = Some(1.0);
    assert!(matches!(
        config.validate(),
        Err(TrainError::Config {
            field: "fit.ema",
            ..
        })
    ));
    config.ema = None;
    config.optimizer.beta1 = 1.0;
    assert!(matches!(
        config.validate(),
        Err(TrainError::Config {
            field: "optimizer.beta1",
            ..
        })
    ));
    let schedule = ScheduleConfig::Linear {
        warmup: 9,
        total: 9,
    };
    assert!(Schedule::new(1e-3, schedule).is_err());
}
