//! A grown tree.

use ndarray::ArrayView1;

/// A binary tree; the root is node 0.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Node {
    /// The mean label of the rows that ended here.
    Leaf(f64),
    /// Rows whose feature is at most the threshold go to node `low`, others to the next.
    Split {
        feature: u32,
        threshold: f32,
        low: u32,
    },
}

impl Tree {
    /// The value of the leaf that a row belongs to.
    pub(super) fn vote(&self, row: ArrayView1<'_, f32>) -> f64 {
        let mut node = self.nodes[0];
        loop {
            match node {
                Node::Leaf(value) => return value,
                Node::Split {
                    feature,
                    threshold,
                    low,
                } => {
                    let high = row[feature as usize] > threshold;
                    node = self.nodes[low as usize + usize::from(high)];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_threshold_itself_is_low() {
        let root = Node::Split {
            feature: 1,
            threshold: 0.5,
            low: 1,
        };
        let tree = Tree {
            nodes: vec![root, Node::Leaf(3.0), Node::Leaf(4.0)],
        };
        assert_eq!(tree.vote(array![9.0, 0.5].view()), 3.0);
        assert_eq!(tree.vote(array![9.0, 0.6].view()), 4.0);
    }
}
