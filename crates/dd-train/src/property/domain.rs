//! What a model has seen: is a question near its training molecules?
//!
//! Four answers: the largest Tanimoto similarity of ECFP4 to a training molecule; the Euclidean distance to the nearest
//! training embedding, as the share of training molecules that lie nearer to theirs; elements that no training molecule
//! has; and one flag. The thresholds of the flag are the training molecules' own: a question is in the domain when
//!
//! - all its elements occur in the training part,
//! - its distance is not beyond that of 95 % of the training molecules to each other ([`CEILING`]), and
//! - its similarity is not below that of 95 % of them.
//!
//! "Distance to the model" by similarity and by what the model itself makes of a molecule: I. Sushko et al., J. Chem. Inf.
//! Model. 50 (2010) 2094.

use std::collections::BTreeSet;

use dd_mol::fingerprint::{BitFingerprint, MorganConfig, morgan};
use dd_mol::{Element, Molecule};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::neighbours::FingerprintIndex;

/// The fingerprints that are compared.
pub(super) const FINGERPRINT: MorganConfig = MorganConfig::ECFP4;
/// Largest percentile of the distance inside the domain.
pub const CEILING: f64 = 95.0;
/// At most so many training molecules say how far training molecules are from each other; they are evenly spaced.
const SAMPLE: usize = 2000;
/// Questions whose distances are computed at once.
const BLOCK: usize = 256;

/// A molecule of the training part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingMolecule {
    /// Its row in the table, from 0.
    pub row: u64,
    /// Its SMILES as written there.
    pub smiles: String,
}

/// How far a molecule is from the training part.
#[derive(Debug, Clone, PartialEq)]
pub struct Applicability {
    /// Largest Tanimoto similarity of ECFP4, 0 to 1.
    pub nearest_similarity: f64,
    /// The training molecule that has it.
    pub nearest: TrainingMolecule,
    /// Share of the training molecules, in per cent, that are nearer to another than this one is to the nearest.
    pub distance_percentile: f64,
    /// Symbols of elements that no training molecule has.
    pub unseen_elements: Vec<&'static str>,
    /// Whether the molecule is in the domain.
    pub in_domain: bool,
}

/// The training part as a question is compared with it.
#[derive(Debug, Clone)]
pub struct Domain {
    pub(super) molecules: Vec<TrainingMolecule>,
    /// Words of 64 bits of every fingerprint, one after another.
    pub(super) words: Vec<u64>,
    /// `[R, H]`.
    pub(super) embeddings: Array2<f32>,
    /// Distances of training molecules to the nearest other, ascending.
    pub(super) distances: Vec<f32>,
    pub(super) elements: BTreeSet<u8>,
    /// Least similarity inside the domain.
    pub(super) similarity_floor: f64,
    index: FingerprintIndex,
    squares: Vec<f32>,
}

/// What is compared of one molecule.
pub(super) struct Traits {
    pub(super) fingerprint: BitFingerprint,
    pub(super) elements: BTreeSet<u8>,
}

impl Traits {
    pub(super) fn of(molecule: &Molecule) -> Self {
        Self {
            fingerprint: morgan(molecule, &FINGERPRINT),
            elements: molecule.atoms().map(|atom| atom.atomic_number).collect(),
        }
    }
}

impl Domain {
    /// The domain of training molecules with their traits and embeddings `[R, H]`.
    pub(super) fn of(
        molecules: Vec<TrainingMolecule>,
        traits: &[Traits],
        embeddings: Array2<f32>,
    ) -> Self {
        let words = traits.iter().flat_map(|one| one.fingerprint.words());
        let mut domain = Self::new(
            molecules,
            words.copied().collect(),
            embeddings,
            traits.iter().flat_map(|one| one.elements.clone()).collect(),
        );
        let count = domain.molecules.len();
        let step = count.div_ceil(SAMPLE).max(1);
        let sample: Vec<usize> = (0..count).step_by(step).collect();
        let questions = domain.embeddings.select(Axis(0), &sample);
        domain.distances = domain.nearest_distances(questions.view(), Some(&sample));
        domain.distances.sort_by(f32::total_cmp);
        let mut similarities: Vec<f64> = sample
            .par_iter()
            .filter_map(|&row| domain.index.nearest(&traits[row].fingerprint, Some(row)))
            .map(|(_, similarity)| similarity)
            .collect();
        similarities.sort_by(f64::total_cmp);
        let below = ((1.0 - CEILING / 100.0) * similarities.len() as f64) as usize;
        domain.similarity_floor = similarities.get(below).copied().unwrap_or(0.0);
        domain
    }

    /// A domain whose thresholds are still to be set.
    pub(super) fn new(
        molecules: Vec<TrainingMolecule>,
        words: Vec<u64>,
        embeddings: Array2<f32>,
        elements: BTreeSet<u8>,
    ) -> Self {
        let width = FINGERPRINT.bits / 64;
        Self {
            index: FingerprintIndex::new(words.chunks_exact(width), FINGERPRINT.bits),
            squares: squares(embeddings.view()),
            distances: Vec::new(),
            similarity_floor: 0.0,
            molecules,
            words,
            embeddings,
            elements,
        }
    }

    /// Number of training molecules.
    pub fn len(&self) -> usize {
        self.molecules.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.molecules.is_empty()
    }

    /// Least similarity inside the domain.
    pub fn similarity_floor(&self) -> f64 {
        self.similarity_floor
    }

    /// Where questions with these traits and embeddings `[Q, H]` lie.
    ///
    /// # Complexity
    /// `Q R H` multiplications, as matrix products, and the bits that questions share with training molecules.
    pub(super) fn locate(
        &self,
        traits: &[Traits],
        embeddings: ArrayView2<'_, f32>,
    ) -> Vec<Applicability> {
        let distances = self.nearest_distances(embeddings, None);
        let locate = |(one, distance): (&Traits, f32)| self.applicability(one, distance);
        traits.par_iter().zip(distances).map(locate).collect()
    }

    fn applicability(&self, traits: &Traits, distance: f32) -> Applicability {
        let nearest = self.index.nearest(&traits.fingerprint, None);
        let (row, nearest_similarity) = nearest.expect("a domain has training molecules");
        let nearer = self.distances.partition_point(|own| *own < distance);
        let distance_percentile = 100.0 * nearer as f64 / self.distances.len().max(1) as f64;
        // Hydrogen is part of every molecule, written or not.
        let unseen = |number: &&u8| **number != 1 && !self.elements.contains(number);
        let unseen = traits.elements.iter().filter(unseen);
        let unseen_elements: Vec<&str> = unseen.map(|number| Element::of(*number).symbol).collect();
        Applicability {
            in_domain: unseen_elements.is_empty()
                && distance_percentile <= CEILING
                && nearest_similarity >= self.similarity_floor,
            nearest: self.molecules[row].clone(),
            nearest_similarity,
            distance_percentile,
            unseen_elements,
        }
    }

    /// Distance of each question to the nearest training embedding; `own` names the row of each that is itself one.
    fn nearest_distances(&self, questions: ArrayView2<'_, f32>, own: Option<&[usize]>) -> Vec<f32> {
        let rows: Vec<usize> = (0..questions.nrows()).collect();
        let blocks: Vec<Vec<f32>> = rows
            .par_chunks(BLOCK)
            .map(|block| {
                let part = questions.select(Axis(0), block);
                let products = part.dot(&self.embeddings.t()); // [block, R]
                let lengths = squares(part.view());
                let nearest = |(place, row): (usize, &usize)| {
                    let but = own.map(|own| own[*row]);
                    let others = products
                        .row(place)
                        .into_iter()
                        .zip(&self.squares)
                        .enumerate();
                    let squared = others
                        .filter(|(other, _)| Some(*other) != but)
                        .map(|(_, (product, square))| lengths[place] + square - 2.0 * product);
                    // Rounding may leave equal vectors a trace below zero.
                    squared.fold(f32::INFINITY, f32::min).max(0.0).sqrt()
                };
                block.iter().enumerate().map(nearest).collect()
            })
            .collect();
        blocks.concat()
    }
}

fn squares(rows: ArrayView2<'_, f32>) -> Vec<f32> {
    rows.rows().into_iter().map(|row| row.dot(&row)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn domain() -> (Domain, Vec<Traits>) {
        let smiles = ["CCO", "CCCO", "CCCCO", "CCCCCO", "CCN", "CCCN", "CCCCN"];
        let traits: Vec<Traits> = smiles
            .iter()
            .map(|text| Traits::of(&dd_mol::smiles::parse(text).unwrap()))
            .collect();
        let molecules = smiles
            .iter()
            .enumerate()
            .map(|(row, text)| TrainingMolecule {
                row: row as u64,
                smiles: (*text).to_string(),
            });
        let embeddings = Array2::from_shape_fn((7, 2), |(row, _)| row as f32);
        (Domain::of(molecules.collect(), &traits, embeddings), traits)
    }

    #[test]
    fn training_molecules_are_at_home() {
        let (domain, traits) = domain();
        for (row, found) in domain
            .locate(&traits, domain.embeddings.view())
            .iter()
            .enumerate()
        {
            assert_eq!(found.nearest.row, row as u64);
            assert_eq!(found.nearest_similarity, 1.0);
            assert_eq!(found.distance_percentile, 0.0);
            assert!(found.in_domain && found.unseen_elements.is_empty());
        }
    }

    #[test]
    fn what_is_far_or_new_is_outside() {
        let (domain, _) = domain();
        let ask = |text: &str, place: f32| {
            let traits = Traits::of(&dd_mol::smiles::parse(text).unwrap());
            let place = Array2::from_elem((1, 2), place);
            domain.locate(&[traits], place.view()).remove(0)
        };
        let silane = ask("CC[SiH3]", 1.0);
        assert_eq!(
            (silane.unseen_elements, silane.in_domain),
            (vec!["Si"], false)
        );
        let far = ask("CCO", 50.0);
        assert_eq!((far.distance_percentile, far.in_domain), (100.0, false));
        let other = ask("c1ccccc1", 1.0);
        assert_eq!(other.distance_percentile, 0.0);
        assert!(other.nearest_similarity < domain.similarity_floor() && !other.in_domain);
        assert!(ask("CCCCCCO", 6.5).in_domain);
    }
}
