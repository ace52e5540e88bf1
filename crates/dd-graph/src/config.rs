//! Which features, with which choices.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    AtomOrder, AtomTypeConfig, AtomTypeFeaturizer, ChempropConfig, ChempropFeaturizer, Featurizer,
    Hydrogens, MolGraph, OgbConfig, OgbFeaturizer,
};

/// How molecules become graphs, tagged by `kind`.
///
/// ```
/// use dd_graph::FeaturizerConfig;
/// let text = r#"{ "kind": "atom_type", "hydrogens": "remove" }"#;
/// let config: FeaturizerConfig = serde_json::from_str(text)?;
/// assert_eq!(config.build().schema().node_sizes(), [118, 3]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FeaturizerConfig {
    /// OGB's 9 atom and 3 bond features.
    Ogb(OgbConfig),
    /// Atomic number and chiral tag, bond type and direction.
    AtomType(AtomTypeConfig),
    /// chemprop's 7 atom and 4 bond features, and the mass.
    Chemprop(ChempropConfig),
}

impl FeaturizerConfig {
    /// The featurizer.
    pub fn build(&self) -> Arc<dyn Featurizer<Output = MolGraph>> {
        match self {
            Self::Ogb(config) => Arc::new(OgbFeaturizer::new(config.clone())),
            Self::AtomType(config) => Arc::new(AtomTypeFeaturizer::new(config.clone())),
            Self::Chemprop(config) => Arc::new(ChempropFeaturizer::new(config.clone())),
        }
    }

    /// The same features with atoms in another order.
    #[must_use]
    pub fn with_order(mut self, order: AtomOrder) -> Self {
        match &mut self {
            Self::Ogb(config) => config.order = order,
            Self::AtomType(config) => config.order = order,
            Self::Chemprop(config) => config.order = order,
        }
        self
    }

    /// Number of Laplacian eigenvectors that graphs carry, if any.
    pub fn laplacian(&self) -> Option<usize> {
        match self {
            Self::Ogb(config) => config.laplacian,
            Self::AtomType(_) | Self::Chemprop(_) => None,
        }
    }

    /// What happens to hydrogens that are atoms of the molecule.
    pub fn hydrogens(&self) -> Hydrogens {
        match self {
            Self::Ogb(config) => config.hydrogens,
            Self::AtomType(config) => config.hydrogens,
            Self::Chemprop(config) => config.hydrogens,
        }
    }

    /// The tag: `ogb`, `atom_type`, `chemprop`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ogb(_) => "ogb",
            Self::AtomType(_) => "atom_type",
            Self::Chemprop(_) => "chemprop",
        }
    }
}

impl From<OgbConfig> for FeaturizerConfig {
    fn from(config: OgbConfig) -> Self {
        Self::Ogb(config)
    }
}
