//! How a tree grows.

use super::codes::Codes;
use super::split::{Cut, Drawn, Histogram, Offer, Weight};
use super::tree::{Node, Tree};
use crate::random::SplitMix64;

/// When a tree stops, and how many features it looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) features_per_split: usize,
    pub(super) min_leaf: usize,
    pub(super) max_depth: usize,
}

/// Grows tree number `tree` of the forest of a seed, on rows drawn with replacement.
pub(super) fn grow(codes: &Codes, labels: &[f64], limits: &Limits, seed: u64, tree: u64) -> Tree {
    let mut random = SplitMix64::new(seed, tree);
    let drawn = draw(labels, &mut random);
    let mut growth = Growth {
        codes,
        labels,
        limits,
        random,
        features: (0..codes.width() as u32).collect(),
        histogram: Histogram::new(),
        high: Vec::with_capacity(drawn.len()),
        drawn,
    };
    growth.run()
}

/// As many rows as there are, with replacement, each with how often it was drawn.
fn draw(labels: &[f64], random: &mut SplitMix64) -> Vec<Drawn> {
    let mut times = vec![0_u32; labels.len()];
    for _ in labels {
        times[random.below(labels.len())] += 1;
    }
    // Sums of labels around zero: the mean would drown their differences.
    let mean = labels.iter().sum::<f64>() / labels.len() as f64;
    let rows = times.into_iter().zip(labels).enumerate();
    rows.filter(|(_, (times, _))| *times > 0)
        .map(|(row, (times, label))| Drawn {
            row: row as u32,
            times: times as f32,
            sum: f64::from(times) * (label - mean),
        })
        .collect()
}

struct Growth<'a> {
    codes: &'a Codes,
    labels: &'a [f64],
    limits: &'a Limits,
    random: SplitMix64,
    /// All features, in the order of the last draws.
    features: Vec<u32>,
    histogram: Histogram,
    /// The rows of every open node stand together, ascending.
    drawn: Vec<Drawn>,
    /// Rows on their way to the high side.
    high: Vec<Drawn>,
}

impl Growth<'_> {
    fn run(&mut self) -> Tree {
        let mut nodes = vec![Node::Leaf(0.0)];
        let mut open = vec![(0, 0..self.drawn.len(), 0)];
        while let Some((node, range, depth)) = open.pop() {
            let split = if depth < self.limits.max_depth && !self.is_pure(range.clone()) {
                self.best_split(range.clone())
            } else {
                None
            };
            let Some((feature, cut)) = split else {
                nodes[node] = Node::Leaf(self.mean(range));
                continue;
            };
            let low = nodes.len();
            let middle = self.part(range.clone(), feature, cut.low);
            nodes[node] = Node::Split {
                feature: feature as u32,
                threshold: self.codes.column(feature).threshold(cut.low, cut.high),
                low: low as u32,
            };
            nodes.extend([Node::Leaf(0.0); 2]);
            open.push((low + 1, middle..range.end, depth + 1));
            open.push((low, range.start..middle, depth + 1));
        }
        Tree { nodes }
    }

    fn is_pure(&self, range: std::ops::Range<usize>) -> bool {
        let mut labels = self.drawn[range]
            .iter()
            .map(|one| self.labels[one.row as usize]);
        let first = labels.next();
        labels.all(|label| Some(label) == first)
    }

    fn mean(&self, range: std::ops::Range<usize>) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for one in &self.drawn[range] {
            let times = f64::from(one.times);
            sum += times * self.labels[one.row as usize];
            count += times;
        }
        sum / count
    }

    /// The best cut of some features drawn at random; of equals the first drawn.
    fn best_split(&mut self, range: std::ops::Range<usize>) -> Option<(usize, Cut)> {
        let drawn = &self.drawn[range];
        let node = Weight::of(drawn);
        let min_leaf = self.limits.min_leaf as f64;
        let mut best: Option<(usize, Cut)> = None;
        let mut all_constant = true;
        for place in 0..self.features.len() {
            if place >= self.limits.features_per_split && !all_constant {
                break;
            }
            let other = place + self.random.below(self.features.len() - place);
            self.features.swap(place, other);
            let feature = self.features[place] as usize;
            let column = self.codes.column(feature);
            let offer = self.histogram.search(column, drawn, node, min_leaf);
            all_constant &= offer == Offer::Constant;
            if let Offer::Cut(cut) = offer
                && best.is_none_or(|(_, best)| cut.score > best.score)
            {
                best = Some((feature, cut));
            }
        }
        best
    }

    /// Moves the rows of a node with codes above `low` behind the others; both keep their
    /// order. Returns where the high ones begin.
    fn part(&mut self, range: std::ops::Range<usize>, feature: usize, low: u8) -> usize {
        let codes = &self.codes.column(feature).codes;
        self.high.clear();
        let mut middle = range.start;
        for at in range.clone() {
            let one = self.drawn[at];
            if codes[one.row as usize] <= low {
                self.drawn[middle] = one;
                middle += 1;
            } else {
                self.high.push(one);
            }
        }
        self.drawn[middle..range.end].copy_from_slice(&self.high);
        middle
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;
    use crate::rows::Labelled;

    fn limits() -> Limits {
        Limits {
            features_per_split: 3,
            min_leaf: 1,
            max_depth: usize::MAX,
        }
    }

    fn depth(tree: &Tree, node: usize) -> usize {
        match tree.nodes[node] {
            Node::Leaf(_) => 0,
            Node::Split { low, .. } => {
                1 + depth(tree, low as usize).max(depth(tree, low as usize + 1))
            }
        }
    }

    #[test]
    fn a_full_tree_knows_every_row_that_it_has_seen() {
        let features = Array2::from_shape_fn((200, 3), |(row, column)| {
            ((row * (7 + 4 * column)) % 199) as f32
        });
        let labels: Array1<f32> = (0..200).map(|row| (row % 17) as f32).collect();
        let labelled = Labelled::new(features.view(), labels.view(), 1).unwrap();
        let codes = Codes::new(&labelled);
        let tree = grow(&codes, &labelled.labels, &limits(), 1, 0);
        let seen = draw(&labelled.labels, &mut SplitMix64::new(1, 0));
        assert!((100..150).contains(&seen.len()), "{}", seen.len());
        for one in seen {
            let row = one.row as usize;
            // Rows 0 and 199 have the same features.
            if !row.is_multiple_of(199) {
                assert_eq!(tree.vote(features.row(row)), f64::from(labels[row]));
            }
        }
    }

    #[test]
    fn limits_hold() {
        let features = Array2::from_shape_fn((200, 3), |(row, column)| {
            ((row * (7 + 4 * column)) % 199) as f32
        });
        let labels: Array1<f32> = (0..200).map(|row| (row % 17) as f32).collect();
        let labelled = Labelled::new(features.view(), labels.view(), 1).unwrap();
        let codes = Codes::new(&labelled);
        let shallow = Limits {
            max_depth: 3,
            ..limits()
        };
        let tree = grow(&codes, &labelled.labels, &shallow, 1, 0);
        assert_eq!(depth(&tree, 0), 3);
        let coarse = Limits {
            min_leaf: 60,
            ..limits()
        };
        let tree = grow(&codes, &labelled.labels, &coarse, 1, 0);
        let leaves = tree.nodes.iter().filter(|n| matches!(n, Node::Leaf(_)));
        assert!((2..=3).contains(&leaves.count()));
    }
}
