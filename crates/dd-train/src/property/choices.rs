//! What a plan has chosen, in words.

use dd_data::LabelSurvey;
use dd_encoder2d::{Target, TargetKind};
use dd_eval::Metric;

use super::intervals::Intervals;
use super::plan::{DEFAULT_MODEL, PropertyPlan};
use super::table::Division;
use crate::config::{Keep, Length};
use crate::recipes::finetune_config::ClassWeights;

/// Targets and columns left out that are told one by one.
const MOST_TOLD: usize = 12;

impl PropertyPlan {
    /// What was chosen and why, as pairs of a subject and a sentence.
    pub fn choices(&self) -> Vec<(&'static str, String)> {
        let name = self.request.table.file_name().unwrap_or_default();
        let mut lines = vec![(
            "table",
            format!(
                "{}: {} rows, {} usable, {} rejected{}, {} without a label",
                name.to_string_lossy(),
                self.num_rows,
                self.table.usable().len(),
                self.table.rejected.len(),
                if self.table.rejected.is_empty() {
                    ""
                } else {
                    " (rejected.csv says why)"
                },
                self.table.unlabelled,
            ),
        )];
        lines.push((
            "SMILES",
            format!("column \"{}\" ({})", self.smiles.name, self.smiles.reason),
        ));
        let described = self.targets.iter().zip(&self.labels.columns);
        for (target, column) in described.take(MOST_TOLD) {
            let why = if self.request.task.is_some() {
                "as asked"
            } else {
                "by its values"
            };
            let kind = match target.kind {
                TargetKind::Regression => "regression",
                TargetKind::Binary => "binary",
            };
            let broken = match column.broken {
                0 => String::new(),
                1 => ", 1 cell that is no label".to_string(),
                count => format!(", {count} cells that are no label"),
            };
            lines.push((
                "target",
                format!(
                    "\"{}\": {kind} ({why}), {} labels, {} missing{broken}",
                    target.name, column.known, column.missing
                ),
            ));
        }
        if self.targets.len() > MOST_TOLD {
            let more = self.targets.len() - MOST_TOLD;
            lines.push(("target", format!("and {more} more")));
        }
        if !self.labels.left_out.is_empty() {
            lines.push(("left out", left_out(&self.labels).replace('\n', "; ")));
        }
        lines.push(("model", self.model_line()));
        lines.push(("split", self.split_line()));
        lines.push(("training", self.training_line()));
        let numbers = |target: &Target| target.kind == TargetKind::Regression;
        if self.targets.iter().any(numbers) {
            lines.push(("intervals", self.intervals_line().to_string()));
        }
        lines
    }

    fn intervals_line(&self) -> &'static str {
        match (self.intervals(), self.request.intervals) {
            (Intervals::Scaled, _) => {
                "wider where the models disagree (--intervals constant: one width for all molecules)"
            }
            (Intervals::Constant, Some(_)) => "one width for all molecules, as asked",
            (Intervals::Constant, None) => {
                "one width for all molecules, as a single model has no spread"
            }
        }
    }

    fn model_line(&self) -> String {
        let model = self.request.model.as_ref();
        match model.map(|model| model.display().to_string()) {
            None => format!("from scratch, in the shape of {DEFAULT_MODEL}"),
            Some(name) if name == DEFAULT_MODEL => format!(
                "{name}: pretrained on 3D structures, ships with the program (--model none trains from scratch)"
            ),
            Some(name) => name,
        }
    }

    fn split_line(&self) -> String {
        let how = match &self.request.division {
            Division::Scaffold(_) => {
                "by scaffold: test molecules have scaffolds that training has not".to_string()
            }
            Division::Random(_, seed) => format!("random, seed {seed}"),
            Division::Column(name) => format!("column \"{name}\""),
        };
        let shared = match self.table.shared_molecules(&self.split) {
            0 => String::new(),
            count => format!("; {count} molecules are in more than one part"),
        };
        let note = self
            .division_note
            .as_ref()
            .map_or(String::new(), |note| format!("; {note}"));
        format!(
            "{how}; {} train, {} valid, {} test{shared}{note}",
            self.split.train.len(),
            self.split.valid.len(),
            self.split.test.len()
        )
    }

    fn training_line(&self) -> String {
        let seeds: Vec<String> = self.config.seeds.iter().map(ToString::to_string).collect();
        let length = match self.config.fit.length {
            Length::Epochs(epochs) => format!("at most {epochs} epochs"),
            Length::Steps(steps) => format!("at most {steps} steps"),
        };
        let kept = match self.config.fit.keep {
            Keep::Best => {
                let best = self.config.selection.map_or("loss", Metric::name);
                format!("the epoch with the best validation {best} is kept")
            }
            Keep::Last => "the last epoch is kept".to_string(),
        };
        let patience = self.config.fit.patience.map_or(String::new(), |patience| {
            format!(
                ", ends after more than {} without a better one",
                patience.validations
            )
        });
        let weights = match self.config.class_weights {
            ClassWeights::None => "",
            ClassWeights::Balanced => ", classes weighted to count the same",
        };
        let encoder = match self.config.encoder_rate {
            1.0 => String::new(),
            0.0 => ", the encoder is frozen".to_string(),
            rate => format!(", the encoder learns at {rate} of the head's rate"),
        };
        format!(
            "{}{}), {length}, {kept}{patience}{weights}{encoder}",
            if seeds.len() == 1 {
                "one model (seed ".to_string()
            } else {
                format!("{} models (seeds ", seeds.len())
            },
            seeds.join(", ")
        )
    }
}

/// Columns that are no targets, with the reasons.
pub(super) fn left_out(labels: &LabelSurvey) -> String {
    let line = |(name, reason): &(String, String)| format!("\"{name}\": {reason}");
    let told = labels.left_out.iter().take(MOST_TOLD).map(line);
    let mut lines: Vec<String> = told.collect();
    if labels.left_out.len() > MOST_TOLD {
        lines.push(format!("and {} more", labels.left_out.len() - MOST_TOLD));
    }
    lines.join("\n")
}
