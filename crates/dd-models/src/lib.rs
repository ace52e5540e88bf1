//! Pretrained models as data: nothing but bytes, no dependencies.
//!
//! `dd_encoder2d::Encoder::from_pretrained(name)` (feature `pretrained`) and `dnd embed --model NAME` find these models offline. Each has
//! its card in `models/NAME/README.md`: data, counts, licences, commands, seeds, cost, metrics and limits.
//!
//! ```
//! let model = dd_models::find("gin-128-node").expect("it ships");
//! assert!(model.weights.len() < 10 << 20);
//! assert!(model.card.contains(model.sha256));
//! ```

/// One model.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub kind: Kind,
    /// `config.json` of its folder.
    pub config: &'static str,
    /// `model.safetensors` of its folder, in half precision.
    pub weights: &'static [u8],
    /// The model card, Markdown.
    pub card: &'static str,
    /// SHA-256 of `weights`, hexadecimal.
    pub sha256: &'static str,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// From molecular graphs to vectors: what `Encoder::from_pretrained` loads.
    Student,
    /// From conformers to vectors: what `dnd distill --teacher` loads.
    Teacher,
}

macro_rules! model {
    ($kind:ident, $name:literal, $sha256:literal) => {
        Model {
            name: $name,
            kind: Kind::$kind,
            config: include_str!(concat!("../models/", $name, "/config.json")),
            weights: include_bytes!(concat!("../models/", $name, "/model.safetensors")),
            card: include_str!(concat!("../models/", $name, "/README.md")),
            sha256: $sha256,
        }
    };
}

/// All models that ship.
pub const MODELS: &[Model] = &[
    model!(
        Teacher,
        "et-128",
        "5e40c99dbd1f67e59cc158c991aee661b67fee671e88a8625ecbb31b75514726"
    ),
    model!(
        Student,
        "gin-128-node",
        "be753cd106f13ff6b19ae43217bc91f1ff0c58e5b461578666932bf7ce4f8f38"
    ),
    model!(
        Student,
        "gin-128-graph",
        "f758935ed432e6653ec285ddedd99e159640f37a9ed43ef826ab7daacb34dda4"
    ),
    model!(
        Student,
        "gin-128-both",
        "2100294480cc283cc95f680d3aa357df4fe82627e3ebbc93d07cc74391c7ccad"
    ),
    model!(
        Student,
        "gin-128-contrast",
        "fb2e565b36675b35b71a8d2f2751a78f134d50868293a4c3d7ece370c94e1ea6"
    ),
    model!(
        Student,
        "tokengt-128-node",
        "d6debce7b9599ecfda2e515d8904a29475236a7c5d4afec70de05c702bf347d5"
    ),
    model!(
        Student,
        "tokengt-128-balanced",
        "5e6ffd6deae204db482053431d08c8f599a8fd9717e12534aebac55ff1f7f224"
    ),
];

/// The model of a name.
pub fn find(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == name)
}
