//! Random forests.

use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::{Baseline, BaselineError, Fitted};

/// A random forest (L. Breiman, Machine Learning 45 (2001) 5): the mean of trees, each grown
/// on rows drawn with replacement, each split the best of some features drawn at random.
///
/// Trees are regression trees for both kinds of target. With 0/1 labels the variance that a
/// split removes is half of the Gini impurity, so the trees are those of a classifier, and
/// their mean vote is the probability of label 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Forest {
    /// Number of trees, at least 1.
    pub trees: usize,
    /// Features that compete for each split.
    pub features_per_split: FeaturesPerSplit,
    /// Least number of drawn rows in a leaf, at least 1; a row drawn twice counts twice.
    pub min_leaf: usize,
    /// Most splits between root and leaf; `None` grows until leaves are pure.
    pub max_depth: Option<usize>,
}

/// How many features compete for each split of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeaturesPerSplit {
    /// The square root of the number of features, rounded down.
    #[default]
    Sqrt,
    /// A third of the features, rounded down.
    Third,
    /// All features.
    All,
    /// So many, or all when there are fewer.
    Count(usize),
}

impl Default for Forest {
    fn default() -> Self {
        Self {
            trees: 500,
            features_per_split: FeaturesPerSplit::Sqrt,
            min_leaf: 1,
            max_depth: None,
        }
    }
}

impl Baseline for Forest {
    fn name(&self) -> &'static str {
        "forest"
    }

    fn fit(
        &self,
        _features: ArrayView2<'_, f32>,
        _labels: ArrayView1<'_, f32>,
        _seed: u64,
    ) -> Result<Box<dyn Fitted>, BaselineError> {
        unimplemented!()
    }
}
