//! Do conformal intervals cover what they promise, and how wide are they? Three sets of MoleculeNet, random splits.
//!
//! For each set three of the default model learn 60 % of the molecules (10 % choose the epoch) and predict the rest. Those
//! are divided into two halves a thousand times: one half calibrates, the share of the other half inside the intervals is
//! counted, and their mean width. Once the intervals have one width, once they scale with the spread of the models. The last
//! columns calibrate on the validation part instead, as `dnd finetune` does.
//!
//! ```console
//! $ cargo run --release -p dd-benches --example coverage -- FOLDER_OF_MOLECULENET [SET [PREDICTIONS]]
//! ```
//!
//! PREDICTIONS is a file for what the models of the set say; when it is there, it is read and nothing is learned.
#![allow(clippy::print_stdout, reason = "the table is the result")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use candle_core::Device;
use dd_data::Fractions;
use dd_encoder2d::Target;
use dd_kernels::rng::Key;
use dd_train::property::{
    Calibration, DEFAULT_MODEL, Division, Ensemble, Intervals, LEVELS, PropertyPlan,
    PropertyRequest, Region, Uncertainty,
};
use dd_train::{RunFolder, Session, Silent, Start};
use ndarray::{Array2, Array3, Axis, s};

const SETS: [(&str, &str, &str); 3] = [
    (
        "ESOL",
        "delaney.csv.gz",
        "measured log solubility in mols per litre",
    ),
    ("FreeSolv", "freesolv.csv.gz", "expt"),
    ("Lipophilicity", "lipophilicity.csv.gz", "exp"),
];
const FRACTIONS: [f64; 3] = [0.6, 0.1, 0.3];
const SEEDS: [u64; 3] = [0, 1, 2];
const DIVISIONS: u64 = 1000;
const EPOCHS: u64 = 40;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let tables = arguments.next().ok_or("name the folder of the tables")?;
    let (only, predictions) = (arguments.next(), arguments.next());
    println!(
        "| set | held out | MAE | intervals | 80 % | width | 90 % | width | 95 % | width | by the validation part: 80 % | \
         90 % | 95 % |"
    );
    println!("|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (name, file, target) in SETS {
        if only.as_deref().is_none_or(|only| only == name) {
            let kept = predictions.as_deref().map(Path::new);
            let answers = match kept.filter(|file| file.is_file()) {
                Some(file) => Answers::read(&std::fs::read_to_string(file)?, target)?,
                None => learn(name, &Path::new(&tables).join(file), target)?,
            };
            if let Some(file) = kept {
                std::fs::write(file, answers.table()?)?;
            }
            for intervals in [Intervals::Constant, Intervals::Scaled] {
                println!("{}", row(name, &answers, intervals)?);
            }
        }
    }
    Ok(())
}

/// What the models say of the molecules that they did not learn from.
struct Answers {
    target: Target,
    /// Least spread.
    floor: f64,
    /// Of the validation part and of the rest, `[R, 1]`.
    labels: [Array2<f64>; 2],
    /// `[M, R, 1]`.
    members: [Array3<f64>; 2],
}

fn learn(name: &str, table: &Path, target: &str) -> Result<Answers, Box<dyn Error>> {
    let plan = PropertyPlan::new(PropertyRequest {
        table: table.to_path_buf(),
        smiles_column: None,
        target_columns: vec![target.to_string()],
        task: None,
        model: Some(PathBuf::from(DEFAULT_MODEL)),
        division: Division::Random(Fractions::try_from(FRACTIONS)?, 0),
        class_weights: None,
        encoder_rate: None,
        config: None,
        seeds: SEEDS.to_vec(),
        epochs: Some(EPOCHS),
        patience: None,
        intervals: None,
    })?;
    let place = std::env::temp_dir().join(format!("dnd-coverage-{}-{name}", std::process::id()));
    let folder = RunFolder::open(&place, Start::New)?;
    plan.run(&mut Session {
        folder: Some(&folder),
        device: &Device::Cpu,
        observer: &mut Silent,
    })?;
    let ensemble = Ensemble::load(&place)?;
    std::fs::remove_dir_all(&place)?;
    let answer = |rows: &[usize]| {
        let examples = plan.table.examples(rows);
        let graphs: Vec<_> = examples.into_iter().map(|one| one.graph).collect();
        ensemble.answers(&graphs).map(|answers| answers.values)
    };
    let known = ensemble.uncertainty().ok_or("no calibration")?;
    let scaled = known.targets[0].scaled.as_ref().ok_or("no spread")?;
    Ok(Answers {
        target: plan.targets[0].clone(),
        floor: scaled.floor,
        labels: [&plan.split.valid, &plan.split.test].map(|rows| plan.table.labels(rows)),
        members: [answer(&plan.split.valid)?, answer(&plan.split.test)?],
    })
}

impl Answers {
    fn calibrate(
        &self,
        (labels, members): (&Array2<f64>, &Array3<f64>),
        intervals: Intervals,
    ) -> Result<Calibration, Box<dyn Error>> {
        let targets = std::slice::from_ref(&self.target);
        let mut found = Uncertainty::calibrate(
            targets,
            &SEEDS,
            labels.view(),
            members.view(),
            &[self.floor],
        )?;
        found.set_intervals(intervals)?;
        Ok(found.targets.remove(0))
    }

    /// Reads what [`Answers::table`] wrote.
    fn read(text: &str, target: &str) -> Result<Self, Box<dyn Error>> {
        let mut lines = text.lines();
        let floor = lines.next().and_then(|line| line.strip_prefix("# floor "));
        let mut parts = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
        for line in lines.skip(1) {
            let mut cells = line.split(',');
            let part: usize = cells.next().ok_or("an empty line")?.parse()?;
            let numbers = cells.map(str::parse).collect::<Result<Vec<f64>, _>>()?;
            let (labels, members) = parts.get_mut(part).ok_or("there are two parts")?;
            labels.push(numbers[0]);
            members.push(numbers[1..].to_vec());
        }
        let members = parts.each_ref().map(|(_, rows)| {
            let models = rows.first().map_or(0, Vec::len);
            let shape = (models, rows.len(), 1);
            Array3::from_shape_fn(shape, |(member, row, _)| rows[row][member])
        });
        Ok(Self {
            target: Target::regression(target, None),
            floor: floor.ok_or("no floor")?.parse()?,
            labels: parts.map(|(labels, _)| {
                Array2::from_shape_fn((labels.len(), 1), |(row, _)| labels[row])
            }),
            members,
        })
    }

    /// Part, label and the models' predictions of every molecule.
    fn table(&self) -> Result<String, std::fmt::Error> {
        let mut text = format!("# floor {}\npart,label,predictions\n", self.floor);
        for (part, (labels, members)) in self.labels.iter().zip(&self.members).enumerate() {
            for (row, label) in labels.iter().enumerate() {
                write!(text, "{part},{label}")?;
                for value in members.slice(s![.., row, 0]) {
                    write!(text, ",{value}")?;
                }
                text.push('\n');
            }
        }
        Ok(text)
    }
}

/// Share of the labels inside, and the mean width.
fn count(
    known: &Calibration,
    (labels, members): (&Array2<f64>, &Array3<f64>),
    level: f64,
) -> Result<(f64, f64), Box<dyn Error>> {
    let (mut inside, mut width) = (0, 0.0);
    for (row, label) in labels.iter().enumerate() {
        let values = members.slice(s![.., row, 0]);
        let mean = values.mean().ok_or("no models")?;
        let Region::Interval { low, high } = known.region(mean, Some(values.std(1.0)), level)?
        else {
            return Err("numbers have intervals".into());
        };
        inside += usize::from((low..=high).contains(label));
        width += high - low;
    }
    let rows = labels.len() as f64;
    Ok((inside as f64 / rows, width / rows))
}

fn row(name: &str, answers: &Answers, intervals: Intervals) -> Result<String, Box<dyn Error>> {
    let (labels, members) = (&answers.labels[1], &answers.members[1]);
    let means = members.mean_axis(Axis(0)).ok_or("no models")?;
    let errors = (labels - &means).abs();
    let mut line = format!(
        "| {name} | {} | {:.2} | {intervals} |",
        labels.len(),
        errors.mean().ok_or("no molecules")?
    );
    let mut sums = [(0.0, 0.0); LEVELS.len()];
    for division in 0..DIVISIONS {
        let key = Key::from_seed(division).named("division");
        let order = key.permutation(labels.len());
        let (calibration, test) = order.split_at(labels.len() / 2);
        let part = |rows: &[usize]| (labels.select(Axis(0), rows), members.select(Axis(1), rows));
        let ((a, b), (c, d)) = (part(calibration), part(test));
        let known = answers.calibrate((&a, &b), intervals)?;
        for (sum, level) in sums.iter_mut().zip(LEVELS) {
            let (share, width) = count(&known, (&c, &d), level)?;
            *sum = (sum.0 + share, sum.1 + width);
        }
    }
    for (share, width) in sums {
        let count = DIVISIONS as f64;
        write!(
            line,
            " {:.1} | {:.2} |",
            100.0 * share / count,
            width / count
        )?;
    }
    let known = answers.calibrate((&answers.labels[0], &answers.members[0]), intervals)?;
    for level in LEVELS {
        let (share, _) = count(&known, (labels, members), level)?;
        write!(line, " {:.1} |", 100.0 * share)?;
    }
    Ok(line)
}
