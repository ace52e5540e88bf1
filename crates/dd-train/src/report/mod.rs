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

/// The beginning of a picture: a white sheet with a title at the top left.
pub(crate) fn sheet(width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"20\" font-weight=\"bold\">{}</text>\n",
        escape(title)
    )
}

/// Text made safe inside HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
