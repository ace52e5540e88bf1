//! The subcommands.

pub(crate) mod contrast;
pub(crate) mod convert;
pub(crate) mod data;
pub(crate) mod distill;
pub(crate) mod doctor;
pub(crate) mod embed;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod featurize;
pub(crate) mod finetune;
pub(crate) mod geometry;
pub(crate) mod inspect;
mod job;
pub(crate) mod manual;
pub(crate) mod predict;
pub(crate) mod prepare;
pub(crate) mod pretrain;
pub(crate) mod quickstart;
pub(crate) mod rows;
pub(crate) mod score;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod split;
pub(crate) mod training;
