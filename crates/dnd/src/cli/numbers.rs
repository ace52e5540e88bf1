//! Values of flags that are numbers.

/// Reads a part of a job, `I/N`.
pub(super) fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/');
    let parts = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    let is_part = |&(i, n): &(usize, usize)| (1..=n).contains(&i);
    parts
        .filter(is_part)
        .ok_or_else(|| "expected I/N with I from 1 to N, such as 1/4".to_string())
}

/// Reads a number above zero.
pub(super) fn positive(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| "expected a whole number above zero".to_string())
}
