//! Whole data sets to examples, on several threads, in order.

use std::sync::Arc;

use crate::error::{DataError, Result};
use crate::example::{Example, ExampleMaker};
use crate::on_error::{OnError, SkipReport};
use crate::ordered::Ordered;
use crate::record::Dataset;

/// Records per job: enough to make the exchange between threads cheap.
const RECORDS_PER_JOB: usize = 64;

/// The examples of a data set, one `Result` per record, in record order.
pub fn examples(
    dataset: Arc<dyn Dataset>,
    maker: ExampleMaker,
    workers: usize,
) -> impl Iterator<Item = Result<Example>> {
    map_records(dataset, workers, move |dataset, index| {
        maker.example(dataset, index)
    })
}

/// What `make` gives of each record, in record order, made on several threads.
pub(crate) fn map_records<T: Send + 'static>(
    dataset: Arc<dyn Dataset>,
    workers: usize,
    make: impl Fn(&dyn Dataset, usize) -> Result<T> + Send + Sync + 'static,
) -> impl Iterator<Item = Result<T>> {
    let len = dataset.len();
    let job = move |chunk: usize| -> Vec<Result<T>> {
        let first = chunk * RECORDS_PER_JOB;
        let records = first..(first + RECORDS_PER_JOB).min(len);
        records.map(|index| make(&*dataset, index)).collect()
    };
    let chunks = Ordered::new(
        len.div_ceil(RECORDS_PER_JOB),
        workers,
        4 * workers,
        Arc::new(job),
    );
    chunks.flat_map(|chunk| chunk.unwrap_or_else(|| vec![Err(DataError::WorkerLost)]))
}

/// All examples of a data set in memory, and the account of the rows left out.
///
/// # Errors
/// The first error, under [`OnError::Stop`]; errors that are not of one row, always.
pub fn featurize(
    dataset: Arc<dyn Dataset>,
    maker: ExampleMaker,
    workers: usize,
    on_error: OnError,
) -> Result<(Vec<Example>, SkipReport)> {
    let mut report = SkipReport::default();
    let mut kept = Vec::new();
    for example in examples(dataset, maker, workers) {
        match example {
            Ok(example) => kept.push(example),
            Err(error) => report.account(error, on_error)?,
        }
    }
    report.log();
    Ok((kept, report))
}
