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

/// Whether a teacher has this name.
pub(super) fn is_teacher(name: &Path) -> bool {
    #[cfg(feature = "pretrained")]
    return name
        .to_str()
        .and_then(dd_models::find)
        .is_some_and(|model| model.kind == dd_models::Kind::Teacher);
    #[cfg(not(feature = "pretrained"))]
    {
        let _ = name;
        false
    }
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
