//! The table and the page.

use dd_eval::{Metric, SeedTable};

use super::{Contest, QuickstartConfig};
use crate::config::to_toml;
use crate::error::{Result, TrainError};
use crate::metrics_log::{Curve, smoothed};
use crate::report::{LineChart, Page, ScatterChart, ScatterSeries, Series};

/// One line per target and contender, with spread over the seeds and the paired test against the twin.
pub(super) fn table(contests: &[Contest], config: &QuickstartConfig) -> Result<String> {
    let mut text = format!(
        "Test MAE, scaffold split, {} labelled molecules, {} seeds (mean ± standard deviation)\n\n\
         | target | predict the mean | from scratch | D&D | D&D - scratch (paired) |\n|---|---|---|---|---|\n",
        config.labels,
        config.finetune.seeds.len()
    );
    for contest in contests {
        let unit = contest.target.unit.as_deref().unwrap_or_default();
        let mut seeds = SeedTable::new(Metric::Mae, unit, config.finetune.seeds.clone());
        let mut columns = Vec::new();
        for contestant in &contest.contestants {
            let values = errors(contest, &contestant.report.runs);
            let known = values.iter().map(|value| Some(*value)).collect();
            seeds
                .push(contestant.name, known)
                .map_err(TrainError::from)?;
            columns.push(values);
        }
        let cells: Vec<String> = seeds
            .summaries()
            .into_iter()
            .map(|(_, summary)| summary.map_or("none".into(), |summary| summary.to_text(3)))
            .collect();
        text += &format!(
            "| {} ({unit}) | {:.3} | {} | {} |\n",
            contest.target.name,
            contest.mean_baseline,
            cells.join(" | "),
            paired(&columns)
        );
    }
    Ok(text)
}

/// Mean difference of the last two columns, with the p-value of the paired t-test where it is defined.
fn paired(columns: &[Vec<f64>]) -> String {
    let [scratch, distilled] = columns else {
        return String::new();
    };
    let difference = distilled
        .iter()
        .zip(scratch)
        .map(|(d, s)| d - s)
        .sum::<f64>()
        / scratch.len() as f64;
    match dd_eval::paired::t_test(distilled, scratch) {
        Ok(test) => format!("{difference:+.3} (p = {:.3})", test.p),
        Err(_) => format!("{difference:+.3}"),
    }
}

/// Mean absolute error of every seed on the test part.
fn errors(contest: &Contest, runs: &[crate::SeedRun]) -> Vec<f64> {
    let error = |run: &crate::SeedRun| {
        let pairs = contest.labels.iter().zip(&run.predictions);
        pairs
            .map(|(label, prediction)| (label - prediction[0]).abs())
            .sum::<f64>()
            / contest.labels.len() as f64
    };
    runs.iter().map(error).collect()
}

/// The whole report.
pub(super) fn page(
    config: &QuickstartConfig,
    contests: &[Contest],
    curves: [Curve; 2],
    attention: &[String],
    table: &str,
) -> String {
    let mut page = Page::new("Denoise-and-distill: quickstart");
    page.paragraph(
        "A 3D teacher learned to denoise conformers; a 2D student learned the teacher's representation from molecular \
         graphs; the student and a twin from scratch were fine-tuned on the same few labels. No molecule of the test part \
         was seen before, in 3D or in 2D.",
    );
    page.heading("Test error");
    let rows: Vec<Vec<String>> = table
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|---"))
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_string())
                .collect()
        })
        .collect();
    if let Some((head, body)) = rows.split_first() {
        page.table(&head.iter().map(String::as_str).collect::<Vec<_>>(), body);
    }
    page.heading("Losses");
    let [teacher, student] = curves;
    let chart = |title: &str, y_label: &str, curve: Curve| {
        let smooth = smoothed(&curve);
        let series = [("batch", curve), ("smoothed", smooth)]
            .map(|(name, points)| Series {
                name: name.to_string(),
                points,
                spread: Vec::new(),
            })
            .to_vec();
        LineChart {
            title: title.to_string(),
            x_label: "step".to_string(),
            y_label: y_label.to_string(),
            logarithmic: true,
            series,
        }
        .to_svg()
    };
    page.pictures(&[
        chart(
            "Teacher: denoising",
            "squared error per unit-variance noise",
            teacher,
        ),
        chart(
            "Student: distillation",
            "squared error per channel",
            student,
        ),
    ]);
    page.heading("Predictions for unseen scaffolds");
    page.pictures(&contests.iter().map(parity).collect::<Vec<_>>());
    page.heading("What the student attends to");
    page.paragraph(
        "Attention that each atom receives from the other atoms in the student's last layer, all heads; full colour is the \
         most attended atom of the molecule. The drawings are projections of the optimised geometries.",
    );
    page.pictures(attention);
    page.heading("Configuration");
    page.preformatted(&to_toml(config).unwrap_or_else(|error| error.to_string()));
    page.to_html()
}

fn parity(contest: &Contest) -> String {
    let unit = contest.target.unit.as_deref().unwrap_or_default();
    let series = contest.contestants.iter().filter_map(|contestant| {
        let run = contestant.report.runs.first()?;
        let points = contest
            .labels
            .iter()
            .zip(&run.predictions)
            .map(|(label, p)| (*label, p[0]));
        Some(ScatterSeries {
            name: contestant.name.to_string(),
            points: points.collect(),
        })
    });
    ScatterChart {
        title: format!("{} ({unit}), first seed", contest.target.name),
        x_label: format!("GFN2-xTB ({unit})"),
        y_label: format!("predicted ({unit})"),
        series: series.collect(),
    }
    .to_svg()
}
