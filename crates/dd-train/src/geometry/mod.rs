//! What a 2D encoder knows of 3D, on conformers that it never learned from.
//!
//! Two questions (Cho et al., AAAI 2025, the analysis of attention): which [attention heads](HeadCorrelations) follow the
//! distances between atoms, and how well can [distances be read](DistanceProbe) off pairs of atom vectors by a linear map.

mod distances;
mod heads;
mod picture;
mod probe;

use dd_encoder2d::Encoder2d;
use serde::Serialize;

use crate::error::Result;
use crate::source::Pair;

pub use heads::{HeadCorrelations, SMALLEST_MOLECULE};
pub use picture::heads_svg;
pub use probe::{DistanceProbe, Fit};

/// What was found of one encoder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Geometry {
    /// Its name.
    pub name: String,
    /// Attention heads, for encoders that have them.
    pub heads: Option<HeadCorrelations>,
    /// Distances from pairs of atom vectors.
    pub probe: DistanceProbe,
}

/// Looks at an encoder on held-out molecules.
///
/// # Errors
/// When there are too few molecules, or the encoder fails on one.
pub fn geometry(name: &str, encoder: &dyn Encoder2d, molecules: &[Pair]) -> Result<Geometry> {
    Ok(Geometry {
        name: name.to_string(),
        heads: HeadCorrelations::measure(encoder, molecules)?,
        probe: DistanceProbe::fit(encoder, molecules)?,
    })
}

/// The findings as Markdown tables.
pub fn markdown(findings: &[Geometry]) -> String {
    let mut text = String::from(
        "| encoder | heads | mean r | largest r | heads above 0.3 |\n|---|---:|---:|---:|---:|\n",
    );
    for one in findings {
        let Some(heads) = &one.heads else {
            continue;
        };
        let all: Vec<f64> = heads.correlations.iter().flatten().copied().collect();
        text += &format!(
            "| {} | {} | {:.3} | {:.3} | {} |\n",
            one.name,
            all.len(),
            all.iter().sum::<f64>() / all.len() as f64,
            all.iter().copied().fold(0.0, f64::max),
            all.iter().filter(|r| **r > 0.3).count()
        );
    }
    text += "\n| encoder | from vectors | from vectors and bonds between | from bonds between alone |\n|---|---:|---:|---:|\n";
    for Geometry { name, probe, .. } in findings {
        let cell = |fit: &Fit| format!("{:.3} Å, R² {:.3}", fit.mae, fit.r2);
        text += &format!(
            "| {name} | {} | {} | {} |\n",
            cell(&probe.vectors),
            cell(&probe.vectors_and_bonds),
            cell(&probe.bonds)
        );
    }
    text
}
