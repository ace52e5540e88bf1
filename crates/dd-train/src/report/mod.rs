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
pub(crate) const COLOURS: [&str; 7] = [
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444",
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

/// A chart of a page as a picture of its own: with the page's style, on white.
pub(crate) fn standalone(chart: &str) -> String {
    let style = "<style>text{font:11px sans-serif;fill:#333}.title{font-weight:600;font-size:13px}.grid{stroke:#e8e8e8}\
                 .ideal{stroke:#999;stroke-dasharray:4 3}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>";
    match chart.split_once('>') {
        Some((head, rest)) => format!("{head}>\n{style}{rest}"),
        None => chart.to_string(),
    }
}

/// Text made safe inside HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
