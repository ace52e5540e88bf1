//! Shares of the training labels: told apart by millionths, shown in per cent.

/// What tells a share from others.
pub(super) fn millionths(share: f64) -> u64 {
    (share * 1e6).round() as u64
}

/// Per cent without the noise of `100.0 * 0.07`.
pub(super) fn percent(share: f64) -> f64 {
    millionths(share) as f64 / 1e4
}
