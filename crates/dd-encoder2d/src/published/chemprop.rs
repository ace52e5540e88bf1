//! Models of chemprop 2, whose files bring their settings.

use dd_graph::ChempropAtoms;
use dd_nn::{Activation, Checkpoint, NameMap};

use super::{Published, matrix, refuse};
use crate::config::EncoderConfig;
use crate::d_mpnn::{Aggregation, DMpnnConfig};
use crate::error::Result;
use crate::head::{HeadConfig, Target};
use crate::model::ModelConfig;
use crate::names::chemprop;

/// Numbers of chemprop's vector of a bond.
const BOND_WIDTH: usize = 14;
/// Where the file keeps mean and deviation of regression targets.
const SCALER: [&str; 2] = [
    "predictor.output_transform.mean",
    "predictor.output_transform.scale",
];

pub(super) fn d_mpnn(file: &Checkpoint) -> Result<Option<Published>> {
    let layer = |name: &str| matrix(file, &format!("message_passing.{name}.weight"));
    let (Some(input), Some(hidden), Some(output)) = (layer("W_i"), layer("W_h"), layer("W_o"))
    else {
        return Ok(None);
    };
    let width = hidden[0];
    if hidden[1] != width {
        return refuse(
            file,
            "messages of atoms (AtomMessagePassing) are not supported, messages of bonds are",
        );
    }
    if layer("W_d").is_some() {
        return refuse(
            file,
            "the model reads extra descriptors of atoms (W_d), which are not supported",
        );
    }
    let atom_width = output[1].saturating_sub(width);
    let sets = [ChempropAtoms::V1, ChempropAtoms::V2, ChempropAtoms::Organic];
    let atoms = sets.into_iter().find(|set| set.num_numbers() == atom_width);
    let (Some(atoms), true) = (atoms, input[1] == atom_width + BOND_WIDTH) else {
        return refuse(
            file,
            format!(
                "atoms and bonds have {atom_width} and {} numbers; 133, 72 or 44 and {BOND_WIDTH} are known",
                input[1].saturating_sub(atom_width)
            ),
        );
    };
    let settings = Settings(file);
    let activation = settings.activation("message_passing.activation")?;
    let config = DMpnnConfig {
        width,
        depth: settings.number("message_passing.depth")?,
        atoms,
        activation,
        bias: file.shape("message_passing.W_h.bias").is_some(),
        undirected: settings.number("message_passing.undirected")?,
        dropout: settings.number("message_passing.dropout")?,
        aggregation: settings.aggregation()?,
        batch_norm: file.shape("bn.weight").is_some(),
    };
    let (head, targets, note) = head(&settings, width)?;
    let encoder = EncoderConfig::DMpnn(config.clone());
    let mut model = ModelConfig::encoder_only(encoder);
    if let Some(head) = head {
        model = model.with_head(head, targets);
    }
    Ok(Some(Published {
        title: format!(
            "directed message passing of chemprop 2 (Heid et al., J. Chem. Inf. Model. 2024), depth {}, width {width}",
            config.depth
        ),
        config: model,
        notes: vec![note],
        names: names(config.depth, head),
        scaler: scaler(file, head),
    }))
}

/// From chemprop's names to those of a model with this head.
pub(super) fn names(depth: usize, head: Option<HeadConfig>) -> NameMap {
    let names = match depth {
        1 => chemprop().ignore("message_passing.W_h", "without effect in a single round"),
        _ => chemprop(),
    };
    match head {
        None => names.ignore(
            "predictor",
            "a head that is not asked for, or not supported",
        ),
        Some(HeadConfig::Linear) => names.replace_prefix("predictor.ffn.0.0.", "head."),
        Some(_) => names
            .replace_prefix("predictor.ffn.0.0.", "head.0.")
            .replace_prefix("predictor.ffn.1.2.", "head.2."),
    }
}

/// The tensors of the scaler, where file and model have one.
pub(super) fn scaler(file: &Checkpoint, head: Option<HeadConfig>) -> Option<[&'static str; 2]> {
    let has_scaler = head.is_some() && SCALER.iter().all(|name| file.shape(name).is_some());
    has_scaler.then_some(SCALER)
}

/// The head and its targets, where ours can be like the file's, and a word about it.
fn head(
    settings: &Settings<'_>,
    width: usize,
) -> Result<(Option<HeadConfig>, Vec<Target>, String)> {
    let file = settings.0;
    let kind = settings.class("predictor.cls").unwrap_or_default();
    let without = |reason: &str| Ok((None, Vec::new(), format!("without its head: {reason}")));
    let Some([hidden, input]) = matrix(file, "predictor.ffn.0.0.weight") else {
        return without("the file has none that is known");
    };
    if input != width {
        return without("it reads extra descriptors of molecules");
    }
    let (head, outputs) = match matrix(file, "predictor.ffn.1.2.weight") {
        None => (HeadConfig::Linear, hidden),
        Some([outputs, _]) => (HeadConfig::Mlp { hidden }, outputs),
    };
    if file.shape("predictor.ffn.2.2.weight").is_some() {
        return without("it has more than one hidden layer");
    }
    let is_plain = settings.activation("predictor.activation")? == Activation::Relu;
    if !is_plain && head != HeadConfig::Linear {
        return without("its non-linear function is not a rectifier");
    }
    let target = |number: usize| {
        let name = format!("target_{number}");
        match kind {
            "RegressionFFN" => Some(Target::regression(&name, None)),
            "BinaryClassificationFFN" => Some(Target::binary(&name)),
            _ => None,
        }
    };
    let Some(targets) = (0..outputs).map(target).collect::<Option<Vec<_>>>() else {
        return without(&format!(
            "its outputs ({kind}) are neither numbers nor probabilities"
        ));
    };
    let note = format!(
        "with its head (targets: {outputs}); name them in config.json, the file has no names"
    );
    Ok((Some(head), targets, note))
}

/// The settings of a file, below `hyper_parameters`.
struct Settings<'a>(&'a Checkpoint);

impl Settings<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        let settings = self.0.settings();
        settings
            .get(&format!("hyper_parameters.{name}"))
            .map(String::as_str)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T> {
        let value = self.text(name).and_then(|text| text.parse().ok());
        value.map_or_else(|| self.absent(name), Ok)
    }

    fn absent<T>(&self, name: &str) -> Result<T> {
        refuse(
            self.0,
            format!(
                "the file does not tell hyper_parameters.{name}, which its tensors do not show: say it with --config"
            ),
        )
    }

    /// The last part of a class's name.
    fn class(&self, name: &str) -> Option<&str> {
        self.text(name)?.rsplit('.').next()
    }

    /// `RELU`, or the member of an enumeration with this value.
    fn activation(&self, name: &str) -> Result<Activation> {
        let Some(text) = self.text(name) else {
            return self.absent(name);
        };
        let word = text.rsplit(['.', '(']).next().unwrap_or(text);
        match word.trim_end_matches(')').to_lowercase().as_str() {
            "relu" => Ok(Activation::Relu),
            "tanh" => Ok(Activation::Tanh),
            _ => refuse(
                self.0,
                format!("hyper_parameters.{name} is {text}; relu and tanh are supported"),
            ),
        }
    }

    fn aggregation(&self) -> Result<Aggregation> {
        match self.class("agg.cls") {
            Some("MeanAggregation") => Ok(Aggregation::Mean),
            Some("SumAggregation") => Ok(Aggregation::Sum),
            Some("NormAggregation") => Ok(Aggregation::Norm {
                norm: self.number("agg.norm")?,
            }),
            Some(other) => refuse(
                self.0,
                format!("aggregation by {other} is not supported; mean, sum and norm are"),
            ),
            None => self.absent("agg.cls"),
        }
    }
}
