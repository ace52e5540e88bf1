//! Random forests.
//!
//! Why trees of our own: the trees of the crates `smartcore` 0.7 and `biosphere` 0.4 keep
//! every feature's rows sorted in every node, which takes 2 s per tree on 4,660 fingerprints
//! of 2,048 bits. Here features become codes of one byte once, and a node looks at nothing
//! but its own rows and the few features that compete for it.

mod codes;
mod grow;
mod split;
mod tree;

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::rows::{Labelled, check_questions};
use crate::{Baseline, BaselineError, Fitted};
use codes::Codes;
use grow::{Limits, grow};
use tree::Tree;

/// A random forest (L. Breiman, Machine Learning 45 (2001) 5): the mean of trees, each grown
/// on rows drawn with replacement, each split the best of some features drawn at random.
///
/// Trees are regression trees for both kinds of target. With 0/1 labels the variance that a
/// split removes is half of the Gini impurity, so the trees are those of a classifier, and
/// their mean vote is the probability of label 1.
///
/// Features with more than 256 different values are split between their 256-quantiles only.
/// Trees grow in parallel on rayon's threads; their number does not change the result.
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

/// How many features compete for each split of a tree. When all that were drawn are constant
/// on the rows of the node, more are drawn, until one is not.
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
    /// So many, at least 1; all when there are fewer.
    Count(usize),
}

impl FeaturesPerSplit {
    fn of(self, width: usize) -> usize {
        let count = match self {
            Self::Sqrt => width.isqrt(),
            Self::Third => width / 3,
            Self::All => width,
            Self::Count(count) => count,
        };
        count.clamp(1, width)
    }
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
        features: ArrayView2<'_, f32>,
        labels: ArrayView1<'_, f32>,
        seed: u64,
    ) -> Result<Box<dyn Fitted>, BaselineError> {
        at_least_one("trees", self.trees)?;
        at_least_one("min_leaf", self.min_leaf)?;
        if let FeaturesPerSplit::Count(count) = self.features_per_split {
            at_least_one("features_per_split", count)?;
        }
        let labelled = Labelled::new(features, labels, 1)?;
        let codes = Codes::new(&labelled);
        let limits = Limits {
            features_per_split: self.features_per_split.of(labelled.width()),
            min_leaf: self.min_leaf,
            max_depth: self.max_depth.unwrap_or(usize::MAX),
        };
        let trees = (0..self.trees as u64).into_par_iter();
        let trees = trees.map(|tree| grow(&codes, &labelled.labels, &limits, seed, tree));
        Ok(Box::new(FittedForest {
            trees: trees.collect(),
            width: labelled.width(),
        }))
    }
}

fn at_least_one(name: &'static str, value: usize) -> Result<(), BaselineError> {
    if value > 0 {
        return Ok(());
    }
    Err(BaselineError::Setting {
        name,
        value: 0.0,
        expected: "at least 1",
    })
}

#[derive(Debug)]
struct FittedForest {
    trees: Vec<Tree>,
    width: usize,
}

impl Fitted for FittedForest {
    fn width(&self) -> usize {
        self.width
    }

    fn predict(&self, features: ArrayView2<'_, f32>) -> Result<Vec<f64>, BaselineError> {
        check_questions(features, self.width)?;
        let mean = |row: usize| {
            let row = features.row(row);
            let votes = self.trees.iter().map(|tree| tree.vote(row));
            votes.sum::<f64>() / self.trees.len() as f64
        };
        Ok((0..features.nrows()).into_par_iter().map(mean).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::{Array1, Array2, array};

    use super::*;
    use crate::random::SplitMix64;

    /// 300 rows of 8 features; the label is a step of the first and a line of the second.
    fn table() -> (Array2<f32>, Array1<f32>) {
        let mut random = SplitMix64::new(1, 0);
        let features = Array2::from_shape_fn((300, 8), |_| random.below(1_000_000) as f32 / 1e6);
        let label = |row: ArrayView1<'_, f32>| f32::from(u8::from(row[0] > 0.3)) + row[1];
        let labels = features.rows().into_iter().map(label).collect();
        (features, labels)
    }

    #[test]
    fn a_forest_learns_what_the_labels_depend_on() {
        let (features, labels) = table();
        let train = ndarray::s![..200];
        let forest = Forest {
            trees: 100,
            features_per_split: FeaturesPerSplit::Third,
            ..Forest::default()
        };
        let fitted = forest
            .fit(
                features.slice(ndarray::s![..200, ..]),
                labels.slice(train),
                7,
            )
            .unwrap();
        let predictions = fitted
            .predict(features.slice(ndarray::s![200.., ..]))
            .unwrap();
        let held_out = labels.slice(ndarray::s![200..]);
        let mean = held_out.mean().unwrap();
        let total: f32 = held_out.iter().map(|y| (y - mean).powi(2)).sum();
        let errors = held_out.iter().zip(&predictions);
        let left: f64 = errors.map(|(&y, p)| (f64::from(y) - p).powi(2)).sum();
        assert!(left < 0.2 * f64::from(total), "{left} of {total}");
    }

    #[test]
    fn the_seed_decides_and_threads_do_not() {
        let (features, labels) = table();
        let forest = Forest {
            trees: 20,
            ..Forest::default()
        };
        let predict = |seed| {
            let fitted = forest.fit(features.view(), labels.view(), seed).unwrap();
            fitted.predict(features.view()).unwrap()
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
        let in_three = pool.unwrap().install(|| predict(1));
        assert_eq!(predict(1), in_three);
        assert_ne!(predict(1), predict(2));
    }

    #[test]
    fn constant_labels_and_single_rows_are_answered_with_themselves() {
        let features = array![[0.0, 1.0], [1.0, 1.0], [0.5, 0.0]];
        let labels = array![4.0, f32::NAN, f32::NAN];
        let fitted = Forest::default()
            .fit(features.view(), labels.view(), 0)
            .unwrap();
        assert_eq!(fitted.predict(features.view()).unwrap(), [4.0; 3]);
        let none = labels.mapv(|_| f32::NAN);
        let fault = Forest::default().fit(features.view(), none.view(), 0);
        assert_eq!(
            fault.unwrap_err(),
            BaselineError::TooFew { needed: 1, got: 0 }
        );
    }

    #[test]
    fn settings_are_checked() {
        let forest = Forest {
            trees: 0,
            ..Forest::default()
        };
        let fault = forest.fit(array![[1.0]].view(), array![1.0].view(), 0);
        let text = fault.unwrap_err().to_string();
        assert_eq!(text, "trees is 0; it must be at least 1");
        assert_eq!(FeaturesPerSplit::Sqrt.of(2048), 45);
        assert_eq!(FeaturesPerSplit::Count(9).of(4), 4);
        assert_eq!(FeaturesPerSplit::Third.of(2), 1);
    }
}
