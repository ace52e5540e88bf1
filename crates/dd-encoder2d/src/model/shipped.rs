//! The students of `dd-models`; none without the feature `pretrained`.

use std::path::Path;

/// Configuration and weights of the student of a name.
#[cfg(feature = "pretrained")]
pub(super) fn student(name: &Path) -> Option<(&'static str, &'static [u8])> {
    let model = dd_models::find(name.to_str()?)?;
    (model.kind == dd_models::Kind::Student).then_some((model.config, model.weights))
}

#[cfg(not(feature = "pretrained"))]
pub(super) fn student(_: &Path) -> Option<(&'static str, &'static [u8])> {
    None
}

/// The names, for the message about an unknown one.
pub(super) fn names() -> Vec<String> {
    #[cfg(feature = "pretrained")]
    return dd_models::MODELS
        .iter()
        .filter(|model| model.kind == dd_models::Kind::Student)
        .map(|model| format!("the model {}", model.name))
        .collect();
    #[cfg(not(feature = "pretrained"))]
    Vec::new()
}
