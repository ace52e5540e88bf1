//! Reports that a person can read: self-contained HTML pages with pictures drawn as SVG, no script, no network.

mod axis;
mod line_chart;
mod molecule;
mod page;
mod scatter_chart;

pub use line_chart::{LineChart, Series};
pub use molecule::MoleculePicture;
pub use page::Page;
pub use scatter_chart::{ScatterChart, ScatterSeries};

/// Colours that stay apart for colour-blind readers (Okabe and Ito, "Color Universal Design", 2008).
pub(crate) const COLOURS: [&str; 6] = [
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
];

/// Text made safe inside HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
