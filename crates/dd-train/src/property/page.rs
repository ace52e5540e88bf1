//! `report.html` of a property model.

use std::path::Path;

use dd_encoder2d::TargetKind;
use dd_eval::readable;
use dd_mol::depict::{self, SvgOptions};
use dd_mol::smiles;

use super::charts;
use super::scores::{MetricScores, TargetScores};
use super::tune::Findings;
use crate::config::to_toml;
use crate::error::Result;
use crate::report::Page;

/// Molecules that are drawn for each target.
const WORST: usize = 6;
/// Targets that have charts of their own; the others are in the tables.
const CHARTED: usize = 8;
/// What is said of the confidence in a number that stands for one seed.
const NO_VALUE: &str = "undefined";

/// The page.
///
/// # Errors
/// When the logs of the runs cannot be read.
pub(super) fn report(findings: &Findings<'_>, folder: &Path) -> Result<String> {
    let plan = findings.plan;
    let name = plan.request.table.file_name().unwrap_or_default();
    let mut page = Page::new(&format!("Property model: {}", name.to_string_lossy()));
    page.heading("What was chosen");
    let chosen = plan.choices().into_iter();
    let rows: Vec<Vec<String>> = chosen
        .map(|(subject, text)| vec![subject.into(), text])
        .collect();
    page.prose_table(&rows);
    for note in findings.notes {
        page.paragraph(&format!("Note: {note}."));
    }
    if !findings.scores.is_empty() {
        page.heading("Scores on the test part");
        page.paragraph(
            "Single models: mean and standard deviation over the members of the ensemble. Baseline: ECFP4 fingerprints under \
             ridge or logistic regression, fitted on the same rows. Constant: the mean label of the training part.",
        );
        scores(&mut page, findings.scores);
        page.heading("Can the numbers be trusted?");
        trust(&mut page, findings);
    }
    for (column, of_target) in findings.scores.iter().enumerate().take(CHARTED) {
        page.heading(&of_target.target.name);
        page.pictures(&charts::of_target(findings, column)?);
        page.paragraph("The test molecules that are furthest off:");
        page.pictures(&worst(findings, column));
    }
    page.heading("Training");
    page.pictures(&charts::training(folder, &plan.config.seeds)?);
    page.heading("Configuration");
    page.preformatted(&to_toml(&plan.config)?);
    Ok(page.to_html())
}

fn scores(page: &mut Page, scores: &[TargetScores]) {
    let value = |value: Option<f64>| value.map_or(NO_VALUE.into(), |value| readable(value, 3));
    let row = |of_target: &TargetScores, one: &MetricScores| {
        vec![
            of_target.target.name.clone(),
            one.metric.name().to_string(),
            of_target.rows.to_string(),
            value(one.ensemble),
            one.members
                .map_or(NO_VALUE.into(), |members| members.to_text(3)),
            value(one.baseline),
            value(one.constant),
        ]
    };
    let rows: Vec<Vec<String>> = scores
        .iter()
        .flat_map(|of_target| of_target.metrics.iter().map(move |one| row(of_target, one)))
        .collect();
    let head = [
        "target",
        "metric",
        "molecules",
        "ensemble",
        "single models",
        "baseline",
        "constant",
    ];
    page.table(&head, &rows);
}

fn trust(page: &mut Page, findings: &Findings<'_>) {
    page.paragraph(
        "Regions come from the errors on the validation part (split conformal prediction). They hold for molecules like \
         those; where test molecules have other scaffolds, the share that is covered may be lower, and this table shows it.",
    );
    let mut rows = Vec::new();
    for (of_target, known) in findings.scores.iter().zip(&findings.uncertainty.targets) {
        let counts: Vec<String> = known.counts().iter().map(ToString::to_string).collect();
        let unit = match of_target.target.kind {
            TargetKind::Regression => "wide",
            TargetKind::Binary => "classes",
        };
        for one in &of_target.coverages {
            rows.push(vec![
                of_target.target.name.clone(),
                counts.join(" + "),
                format!("{:.0} %", 100.0 * one.coverage),
                format!("{:.1} %", 100.0 * one.share),
                format!("{} {unit}", readable(one.size, 2)),
            ]);
        }
    }
    page.table(
        &[
            "target",
            "calibration molecules",
            "promised",
            "on the test part",
            "region",
        ],
        &rows,
    );
    let inside = findings.in_domain.iter().filter(|inside| **inside).count();
    page.paragraph(&format!(
        "{inside} of {} test molecules are in the applicability domain (no new element, no further from the training \
         molecules than 95 % of these are from each other, by embedding and by fingerprint).",
        findings.in_domain.len()
    ));
    let error = |found: Option<(f64, usize)>| {
        found.map_or("no molecules".into(), |(mean, count)| {
            format!("{mean:.3} ({count})")
        })
    };
    let rows: Vec<Vec<String>> = findings
        .scores
        .iter()
        .map(|one| {
            let name = one.target.name.clone();
            let kind = match one.target.kind {
                TargetKind::Regression => "absolute error",
                TargetKind::Binary => "squared error of the probability",
            };
            vec![
                name,
                kind.into(),
                error(one.by_domain[0]),
                error(one.by_domain[1]),
            ]
        })
        .collect();
    page.table(
        &["target", "mean", "in the domain (molecules)", "outside"],
        &rows,
    );
}

/// Drawings of the molecules with the largest errors.
fn worst(findings: &Findings<'_>, column: usize) -> Vec<String> {
    let plan = findings.plan;
    let means = findings.test.means();
    let labels = findings.labels.column(column);
    let mut order: Vec<usize> = (0..labels.len())
        .filter(|&row| !labels[row].is_nan())
        .collect();
    let error = |row: usize| (labels[row] - means[[row, column]]).abs();
    order.sort_by(|&a, &b| error(b).total_cmp(&error(a)));
    let mut drawings = Vec::new();
    for row in order.into_iter().take(WORST) {
        let number = plan.split.test[row];
        let text = plan
            .table
            .row(number)
            .map_or("", |found| found.smiles.as_str());
        let drawn = smiles::parse(text)
            .ok()
            .and_then(|molecule| depict::svg(&molecule, &SvgOptions::default()).ok());
        // A molecule too large to be drawn is told by its text.
        let drawn = drawn.unwrap_or_else(|| crate::report::escape(text));
        let outside = if findings.in_domain[row] {
            ""
        } else {
            "<br>outside the domain"
        };
        drawings.push(format!(
            "<figure>{drawn}<figcaption>row {number}: {}, predicted {}{outside}</figcaption></figure>\n",
            readable(labels[row], 3),
            readable(means[[row, column]], 3),
        ));
    }
    drawings
}
