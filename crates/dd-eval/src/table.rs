//! A table of seeds by contenders, as Markdown.

use serde::{Deserialize, Serialize};

use crate::{Comparison, Direction, EvalError, Metric, Summary, compare_to_baseline};

/// Values of one metric: one column per contender, one row per seed.
///
/// ```
/// use dd_eval::{Metric, SeedTable};
///
/// let mut table = SeedTable::new(Metric::Mae, "eV", vec![1, 2, 3]);
/// table.push("from scratch", vec![Some(0.30), Some(0.32), Some(0.31)])?;
/// table.push("distilled", vec![Some(0.25), Some(0.26), None])?;
/// assert!(table.to_markdown(3).contains("| mean ± s | 0.310 ± 0.010 | **0.255 ± 0.007** |"));
/// let comparison = &table.compare("from scratch")?[0];
/// assert!(comparison.better && comparison.pairs == 2);
/// # Ok::<(), dd_eval::EvalError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedTable {
    metric: Metric,
    unit: String,
    seeds: Vec<u64>,
    columns: Vec<(String, Vec<Option<f64>>)>,
}

impl SeedTable {
    /// An empty table; `label_unit` is the unit of the label (empty where there is none).
    pub fn new(metric: Metric, label_unit: &str, seeds: Vec<u64>) -> Self {
        Self {
            metric,
            unit: metric.unit_text(label_unit),
            seeds,
            columns: Vec::new(),
        }
    }

    /// Adds a contender with one value per seed; `None` is a run without a value and shows as a dash.
    pub fn push(&mut self, name: &str, values: Vec<Option<f64>>) -> Result<(), EvalError> {
        if values.len() != self.seeds.len() {
            return Err(EvalError::Length {
                what: "values of a contender",
                expected: self.seeds.len(),
                got: values.len(),
            });
        }
        for (index, value) in values.iter().enumerate() {
            if let Some(value) = *value {
                crate::input::check_finite("value", index, value)?;
            }
        }
        self.columns.push((name.to_string(), values));
        Ok(())
    }

    /// Mean and spread of each contender, in order of addition; `None` for a column without values.
    pub fn summaries(&self) -> Vec<(&str, Option<Summary>)> {
        let summary = |values: &[Option<f64>]| {
            let values: Vec<f64> = values.iter().flatten().copied().collect();
            Summary::new(&values).ok()
        };
        self.columns
            .iter()
            .map(|(name, values)| (name.as_str(), summary(values)))
            .collect()
    }

    /// Every other contender against the one named `baseline`, see [`compare_to_baseline`].
    pub fn compare(&self, baseline: &str) -> Result<Vec<Comparison>, EvalError> {
        let known = || {
            self.columns
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let base = self.columns.iter().find(|(name, _)| name == baseline);
        let (_, base) = base.ok_or_else(|| EvalError::UnknownContender {
            name: baseline.to_string(),
            known: known(),
        })?;
        let others: Vec<_> = self
            .columns
            .iter()
            .filter(|(name, _)| name != baseline)
            .cloned()
            .collect();
        compare_to_baseline(self.metric, base, &others)
    }

    /// The table: a row per seed, then mean ± sample standard deviation with the best mean in bold.
    pub fn to_markdown(&self, decimals: usize) -> String {
        let arrow = match self.metric.direction() {
            Direction::Maximize => "↑",
            Direction::Minimize => "↓",
        };
        let unit = if self.unit.is_empty() {
            String::new()
        } else {
            format!(" [{}]", self.unit)
        };
        let mut lines = vec![format!("{}{unit} {arrow}", self.metric), String::new()];
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|(name, _)| name.replace('|', "\\|"))
            .collect();
        lines.push(row("seed", names));
        lines.push(row("---", self.columns.iter().map(|_| "---:".to_string())));
        for (k, seed) in self.seeds.iter().enumerate() {
            let cell = |(_, values): &(String, Vec<Option<f64>>)| {
                values[k].map_or("–".to_string(), |value| format!("{value:.decimals$}"))
            };
            lines.push(row(&seed.to_string(), self.columns.iter().map(cell)));
        }
        let summaries = self.summaries();
        let best = summaries
            .iter()
            .filter_map(|(_, s)| s.map(|s| s.mean))
            .reduce(|a, b| if self.metric.is_better(b, a) { b } else { a });
        let cell = |(_, summary): &(&str, Option<Summary>)| match summary {
            None => "–".to_string(),
            Some(s) if Some(s.mean) == best => format!("**{}**", s.to_text(decimals)),
            Some(s) => s.to_text(decimals),
        };
        lines.push(row("mean ± s", summaries.iter().map(cell)));
        lines.join("\n") + "\n"
    }

    /// The comparison with `baseline` as a table: difference, p-values, effect sizes; dashes where undefined.
    pub fn comparison_markdown(
        &self,
        baseline: &str,
        decimals: usize,
    ) -> Result<String, EvalError> {
        let header = [
            "pairs",
            "difference",
            "t-test p",
            "Holm p",
            "Wilcoxon p",
            "Cohen d",
            "rank-biserial",
        ];
        let mut lines = vec![
            row(&format!("against {baseline}"), header.map(String::from)),
            row("---", header.map(|_| "---:".to_string())),
        ];
        let p = |value: Option<f64>| value.map_or("–".to_string(), |v| format!("{v:.2e}"));
        let size = |value: Option<f64>| value.map_or("–".to_string(), |v| format!("{v:.2}"));
        for c in self.compare(baseline)? {
            let cells = [
                c.pairs.to_string(),
                c.difference.to_text(decimals),
                p(c.t_p),
                p(c.t_p_holm),
                p(c.wilcoxon_p),
                size(c.cohen_d),
                size(c.rank_biserial),
            ];
            lines.push(row(&c.contender.replace('|', "\\|"), cells));
        }
        Ok(lines.join("\n") + "\n")
    }
}

fn row(head: &str, cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {head} | {} |", cells.join(" | "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn table() -> SeedTable {
        let mut table = SeedTable::new(Metric::RocAuc, "", vec![0, 1]);
        table.push("a|b", vec![Some(0.5), Some(0.6)]).unwrap();
        table.push("c", vec![Some(0.7), None]).unwrap();
        table
    }

    #[test]
    fn markdown_is_complete() {
        let expected = "roc_auc ↑\n\n| seed | a\\|b | c |\n| --- | ---: | ---: |\n| 0 | 0.50 | 0.70 |\n| 1 | 0.60 | – |\n\
                        | mean ± s | 0.55 ± 0.07 | **0.70** |\n";
        assert_eq!(table().to_markdown(2), expected);
        let comparison = table().comparison_markdown("a|b", 2).unwrap();
        assert!(
            comparison.contains("| c | 1 | 0.20 | – | – | 1.00e0 | – | 1.00 |"),
            "{comparison}"
        );
    }

    #[test]
    fn unknown_names_and_wrong_lengths_are_errors() {
        let error = table().compare("d").unwrap_err().to_string();
        assert_eq!(error, "no contender 'd'; there are a|b, c");
        assert!(table().push("e", vec![None]).is_err());
        assert!(table().push("e", vec![Some(f64::NAN), None]).is_err());
    }
}
