//! The subcommands.

pub(crate) mod convert;
pub(crate) mod data;
pub(crate) mod distill;
pub(crate) mod embed;
pub(crate) mod evaluate;
pub(crate) mod featurize;
pub(crate) mod finetune;
pub(crate) mod inspect;
pub(crate) mod predict;
pub(crate) mod prepare;
pub(crate) mod pretrain;
pub(crate) mod quickstart;
pub(crate) mod rows;
pub(crate) mod split;
pub(crate) mod training;
