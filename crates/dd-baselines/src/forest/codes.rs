//! Features as codes of one byte that keep their order.

use rayon::prelude::*;

use crate::rows::Labelled;

/// Most codes of a feature.
pub(super) const MOST_CODES: usize = 256;

/// All features of all labelled rows, column by column.
#[derive(Debug)]
pub(super) struct Codes {
    columns: Vec<Column>,
}

/// One feature.
#[derive(Debug)]
pub(super) struct Column {
    /// A code per row.
    pub(super) codes: Vec<u8>,
    /// Least value and greatest value of each code, ascending.
    ranges: Vec<(f32, f32)>,
}

impl Codes {
    pub(super) fn new(labelled: &Labelled<'_>) -> Self {
        let columns = (0..labelled.width()).into_par_iter();
        let columns = columns.map(|feature| Column::new(labelled.column(feature).collect()));
        Self {
            columns: columns.collect(),
        }
    }

    /// Features per row.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn column(&self, feature: usize) -> &Column {
        &self.columns[feature]
    }
}

impl Column {
    pub(super) fn new(values: Vec<f32>) -> Self {
        let ranges = ranges(values.clone());
        let code = |value: &f32| ranges.partition_point(|(_, greatest)| greatest < value) as u8;
        Self {
            codes: values.iter().map(code).collect(),
            ranges,
        }
    }

    /// Number of codes.
    pub(super) fn num_codes(&self) -> usize {
        self.ranges.len()
    }

    /// Where `low` and smaller codes part from `high` and larger ones: values up to the
    /// threshold are low.
    pub(super) fn threshold(&self, low: u8, high: u8) -> f32 {
        let (below, above) = (
            self.ranges[usize::from(low)].1,
            self.ranges[usize::from(high)].0,
        );
        let middle = below / 2.0 + above / 2.0;
        // Between neighbouring floats the middle rounds to one of them.
        if middle < above && middle >= below {
            middle
        } else {
            below
        }
    }
}

/// One range per value when there are few values, otherwise ranges with about as many rows
/// each.
fn ranges(mut values: Vec<f32>) -> Vec<(f32, f32)> {
    values.sort_unstable_by(f32::total_cmp);
    let mut runs: Vec<(f32, usize)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => runs.push((value, 1)),
        }
    }
    if runs.len() <= MOST_CODES {
        return runs.into_iter().map(|(value, _)| (value, value)).collect();
    }
    let total: usize = runs.iter().map(|(_, count)| count).sum();
    let mut ranges: Vec<(f32, f32)> = Vec::with_capacity(MOST_CODES);
    let (mut before, mut last_quantile) = (0, usize::MAX);
    for (value, count) in runs {
        // A run of equal values belongs to the quantile in which it begins.
        let quantile = before * MOST_CODES / total;
        match ranges.last_mut() {
            Some((_, greatest)) if quantile == last_quantile => *greatest = value,
            _ => ranges.push((value, value)),
        }
        last_quantile = quantile;
        before += count;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_their_own_codes() {
        let column = Column::new(vec![2.0, -1.0, 2.0, 0.0, -0.0]);
        assert_eq!(column.codes, [2, 0, 2, 1, 1]);
        assert_eq!(column.num_codes(), 3);
        assert_eq!(column.threshold(0, 2), 0.5);
        let next = 1.0_f32.next_up();
        let column = Column::new(vec![1.0, next]);
        assert_eq!(column.threshold(0, 1), 1.0);
    }

    #[test]
    fn many_values_share_codes_evenly_and_in_order() {
        let values: Vec<f32> = (0..5000).map(|i| ((i * 7919) % 5000) as f32).collect();
        let column = Column::new(values.clone());
        assert_eq!(column.num_codes(), MOST_CODES);
        let mut counts = [0; MOST_CODES];
        for (i, &a) in values.iter().enumerate() {
            let code = usize::from(column.codes[i]);
            counts[code] += 1;
            assert!(column.ranges[code].0 <= a && a <= column.ranges[code].1);
        }
        assert!(counts.iter().all(|count| (19..=20).contains(count)));
    }

    #[test]
    fn thresholds_part_the_codes() {
        // One value fills half of the rows.
        let values: Vec<f32> = (0..2000)
            .map(|i| if i % 2 == 0 { 0.0 } else { (i - 1000) as f32 })
            .collect();
        let column = Column::new(values.clone());
        for low in 0..column.num_codes() - 1 {
            let threshold = column.threshold(low as u8, low as u8 + 1);
            for (value, code) in values.iter().zip(&column.codes) {
                assert_eq!(*value <= threshold, usize::from(*code) <= low);
            }
        }
    }
}
