//! What a server counts, and its text for Prometheus.
//!
//! Format: Prometheus exposition format, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Upper ends of the classes of latency, in seconds.
const SECONDS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];
/// Upper ends of the classes of molecules in a batch.
const MOLECULES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
/// Upper ends of the classes of tokens in a batch.
const TOKENS: &[f64] = &[
    64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0,
];

/// All counts since the start.
pub(crate) struct Metrics(Mutex<Counts>);

struct Counts {
    requests: BTreeMap<(&'static str, u16), u64>,
    seconds: BTreeMap<&'static str, Histogram>,
    rows: BTreeMap<(String, &'static str), u64>,
    row_errors: BTreeMap<(String, &'static str, &'static str), u64>,
    batch_molecules: Histogram,
    batch_tokens: Histogram,
    in_flight: u64,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Counts {
            requests: BTreeMap::new(),
            seconds: BTreeMap::new(),
            rows: BTreeMap::new(),
            row_errors: BTreeMap::new(),
            batch_molecules: Histogram::new(MOLECULES),
            batch_tokens: Histogram::new(TOKENS),
            in_flight: 0,
        }))
    }

    /// Counts are whole at every unlock, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has come; it is over when the guard is dropped.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.lock().in_flight += 1;
        InFlight(self)
    }

    /// A request was answered.
    pub(crate) fn request(&self, route: &'static str, status: u16, took: Duration) {
        let mut counts = self.lock();
        *counts.requests.entry((route, status)).or_default() += 1;
        let seconds = counts.seconds.entry(route);
        let seconds = seconds.or_insert_with(|| Histogram::new(SECONDS));
        seconds.observe(took.as_secs_f64());
    }

    /// Rows were answered; `errors` names the kind of each fault.
    pub(crate) fn rows(
        &self,
        model: &str,
        task: &'static str,
        rows: usize,
        errors: impl Iterator<Item = &'static str>,
    ) {
        let mut counts = self.lock();
        *counts.rows.entry((model.to_string(), task)).or_default() += rows as u64;
        for kind in errors {
            let key = (model.to_string(), task, kind);
            *counts.row_errors.entry(key).or_default() += 1;
        }
    }

    /// A batch is run.
    pub(crate) fn batch(&self, molecules: usize, tokens: usize) {
        let mut counts = self.lock();
        counts.batch_molecules.observe(molecules as f64);
        counts.batch_tokens.observe(tokens as f64);
    }

    /// The text; `queues` gives each model's waiting molecules.
    pub(crate) fn text(&self, queues: &[(&str, usize)]) -> String {
        let counts = self.lock();
        let mut text = String::new();
        head(
            &mut text,
            "dnd_requests_total",
            "counter",
            "Requests by route and status.",
        );
        for ((route, status), count) in &counts.requests {
            let _ = writeln!(
                text,
                "dnd_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}"
            );
        }
        head(
            &mut text,
            "dnd_requests_in_flight",
            "gauge",
            "Requests without an answer yet.",
        );
        let _ = writeln!(text, "dnd_requests_in_flight {}", counts.in_flight);
        head(
            &mut text,
            "dnd_request_seconds",
            "histogram",
            "Time from head to answer.",
        );
        for (route, seconds) in &counts.seconds {
            seconds.write(
                &mut text,
                "dnd_request_seconds",
                &format!("route=\"{route}\""),
            );
        }
        head(
            &mut text,
            "dnd_rows_total",
            "counter",
            "Rows answered, errors included.",
        );
        for ((model, task), count) in &counts.rows {
            let model = label(model);
            let _ = writeln!(
                text,
                "dnd_rows_total{{model=\"{model}\",task=\"{task}\"}} {count}"
            );
        }
        head(
            &mut text,
            "dnd_row_errors_total",
            "counter",
            "Rows answered with an error, by its kind.",
        );
        for ((model, task, kind), count) in &counts.row_errors {
            let model = label(model);
            let _ = writeln!(
                text,
                "dnd_row_errors_total{{model=\"{model}\",task=\"{task}\",kind=\"{kind}\"}} {count}"
            );
        }
        head(
            &mut text,
            "dnd_queue_molecules",
            "gauge",
            "Molecules that wait or run.",
        );
        for (model, length) in queues {
            let model = label(model);
            let _ = writeln!(text, "dnd_queue_molecules{{model=\"{model}\"}} {length}");
        }
        head(
            &mut text,
            "dnd_batch_molecules",
            "histogram",
            "Molecules of a batch.",
        );
        counts
            .batch_molecules
            .write(&mut text, "dnd_batch_molecules", "");
        head(
            &mut text,
            "dnd_batch_tokens",
            "histogram",
            "Nodes and directed edges of a batch.",
        );
        counts.batch_tokens.write(&mut text, "dnd_batch_tokens", "");
        text
    }
}

/// Counts a request as long as it lives, also when its client goes away.
pub(crate) struct InFlight<'a>(&'a Metrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A label's value, escaped.
fn label(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

struct Histogram {
    ends: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
    total: u64,
}

impl Histogram {
    fn new(ends: &'static [f64]) -> Self {
        Self {
            ends,
            counts: vec![0; ends.len()],
            sum: 0.0,
            total: 0,
        }
    }

    fn observe(&mut self, value: f64) {
        let class = self.ends.partition_point(|&end| end < value);
        if let Some(count) = self.counts.get_mut(class) {
            *count += 1;
        }
        self.sum += value;
        self.total += 1;
    }

    fn write(&self, text: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        for (end, count) in self.ends.iter().zip(&self.counts) {
            below += count;
            let _ = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{end}\"}} {below}");
        }
        let braces = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{labels}}}")
        };
        let (sum, total) = (self.sum, self.total);
        let _ = writeln!(
            text,
            "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {total}\n{name}_sum{braces} {sum}\n{name}_count{braces} {total}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_cumulative() {
        let mut histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 9.0] {
            histogram.observe(value);
        }
        let mut text = String::new();
        histogram.write(&mut text, "x", "");
        let expected = "x_bucket{le=\"1\"} 2\nx_bucket{le=\"2\"} 3\nx_bucket{le=\"+Inf\"} 4\nx_sum 12\nx_count 4\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn labels_are_escaped_and_guards_count_down() {
        let metrics = Metrics::new();
        metrics.rows("a\"b", "embed", 2, ["syntax"].into_iter());
        let guard = metrics.begin();
        assert!(metrics.text(&[]).contains("dnd_requests_in_flight 1\n"));
        drop(guard);
        let text = metrics.text(&[("m", 3)]);
        assert!(text.contains("dnd_requests_in_flight 0\n"));
        assert!(text.contains("dnd_rows_total{model=\"a\\\"b\",task=\"embed\"} 2\n"));
        assert!(text.contains("kind=\"syntax\"} 1\n"));
        assert!(text.contains("dnd_queue_molecules{model=\"m\"} 3\n"));
    }
}
