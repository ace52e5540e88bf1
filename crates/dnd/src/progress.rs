//! Progress on standard error: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dd_train::{Event, Flow, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Time between two lines when nobody watches.
const PLAIN_INTERVAL: Duration = Duration::from_secs(30);

/// Shows a training run, and may stop it.
pub(crate) struct Progress {
    bar: ProgressBar,
    plain: bool,
    last_line: Instant,
    started: (Instant, u64),
    smoothed_loss: Option<f64>,
    stop_after: Option<u64>,
    run: String,
}

impl Progress {
    /// Progress of a run; `stop_after` ends it after that many steps, as an interruption would.
    pub(crate) fn new(quiet: bool, stop_after: Option<u64>) -> Self {
        let terminal = watched();
        let target = if quiet || !terminal {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let template =
            "{prefix:>10} {wide_bar:.cyan/dim} {pos}/{len}  {per_sec}  {eta} left  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            plain: !quiet && !terminal,
            last_line: Instant::now(),
            started: (Instant::now(), 0),
            smoothed_loss: None,
            stop_after,
            run: String::new(),
        }
    }

    fn step(&mut self, step: u64, total: u64, loss: f64) {
        let smoothed = self
            .smoothed_loss
            .map_or(loss, |old| 0.95 * old + 0.05 * loss);
        self.smoothed_loss = Some(smoothed);
        self.bar.set_length(total);
        self.bar.set_position(step + 1);
        self.bar.set_message(format!("loss {smoothed:.4}"));
        if self.plain && self.last_line.elapsed() > PLAIN_INTERVAL {
            self.last_line = Instant::now();
            let (start, first) = self.started;
            let rate = (step + 1 - first) as f64 / start.elapsed().as_secs_f64();
            let left = (total.saturating_sub(step + 1) as f64 / rate).ceil();
            let (run, step) = (&self.run, step + 1);
            if for_a_program() {
                say_json(&serde_json::json!({
                    "run": run, "step": step, "of": total, "steps_per_second": rate, "seconds_left": left, "loss": smoothed,
                }));
            } else {
                say(&format!(
                    "{run} step {step} of {total}, {rate:.2} steps/s, {left} s left, loss {smoothed:.4}"
                ));
            }
        }
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &Event<'_>) -> Flow {
        match event {
            Event::Started {
                task,
                num_parameters,
                num_examples,
                step,
                total_steps,
            } => {
                self.run = (*task).to_string();
                self.smoothed_loss = None;
                self.started = (Instant::now(), *step);
                self.bar.set_prefix(self.run.clone());
                self.bar.set_length(*total_steps);
                self.bar.set_position(*step);
                self.bar.reset_eta();
                if self.plain {
                    say(&format!(
                        "{task}: {num_parameters} parameters, {num_examples} examples, from step {step}"
                    ));
                }
            }
            Event::Step {
                step,
                total_steps,
                loss,
                ..
            } => {
                self.step(*step, *total_steps, *loss);
                if self.stop_after.is_some_and(|last| step + 1 >= last) {
                    return Flow::Stop;
                }
            }
            Event::Finished { .. } => self.bar.finish_and_clear(),
            _ => {}
        }
        Flow::Continue
    }
}

/// A bar for work that is counted: rate and time left on a terminal, nothing elsewhere.
pub(crate) struct Count(ProgressBar);

const COUNTED: &str = "{prefix:>10} {wide_bar:.cyan/dim} {pos}/{len}  {per_sec}  {eta} left";
const READ: &str = "{prefix:>10} {wide_bar:.cyan/dim} {percent}%  {msg}  {eta} left";
const STREAM: &str = "{prefix:>10} {spinner} {msg}";

impl Count {
    /// `total` things of a kind that `name` says.
    pub(crate) fn new(name: &str, total: usize, quiet: bool) -> Self {
        Self::with_template(name, total as u64, COUNTED, quiet)
    }

    /// Rows of a file of so many bytes; 0 when nobody knows.
    pub(crate) fn rows(name: &str, bytes: u64, quiet: bool) -> Self {
        let template = if bytes == 0 { STREAM } else { READ };
        Self::with_template(name, bytes, template, quiet)
    }

    fn with_template(name: &str, total: u64, template: &str, quiet: bool) -> Self {
        let target = if quiet || !watched() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_string());
        Self(bar)
    }

    /// Things of which nobody knows how many there are.
    pub(crate) fn open(name: &str, quiet: bool) -> Self {
        let count = Self::new(name, 0, quiet);
        count.0.unset_length();
        if let Ok(style) = ProgressStyle::with_template("{prefix:>10} {pos}  {per_sec}") {
            count.0.set_style(style);
        }
        count
    }

    /// So many are done.
    pub(crate) fn at(&self, done: usize) {
        self.0.set_position(done as u64);
    }

    /// So many rows came from so many bytes.
    pub(crate) fn at_rows(&self, rows: u64, bytes: u64) {
        let rate = rows as f64 / self.0.elapsed().as_secs_f64().max(1e-3);
        self.0.set_message(format!("{rows} rows, {rate:.0}/s"));
        self.0.set_position(bytes);
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Whether messages are for a program.
static AS_JSON: AtomicBool = AtomicBool::new(false);

/// From now on every message is a JSON object, and there are no bars.
pub(crate) fn speak_json() {
    AS_JSON.store(true, Ordering::Relaxed);
}

fn for_a_program() -> bool {
    AS_JSON.load(Ordering::Relaxed)
}

/// Whether someone watches a terminal.
fn watched() -> bool {
    std::io::stderr().is_terminal() && !for_a_program()
}

/// One message on standard error.
pub(crate) fn say(message: &str) {
    if for_a_program() {
        say_json(&serde_json::json!({ "message": message }));
    } else {
        line(message);
    }
}

fn say_json(value: &serde_json::Value) {
    line(&value.to_string());
}

/// When nobody listens any more, the work goes on.
fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
