//! SVG text: shapes in pixels, y downwards.

use std::fmt::Write as _;

use super::label::Part;
use super::plane::Point;

/// SVG elements under construction.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    text: String,
}

/// How a text stands to its position.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Canvas {
    pub(super) fn line(
        &mut self,
        [a, b]: [Point; 2],
        colour: &str,
        width: f64,
        dash: Option<&str>,
    ) {
        let dash = dash.map_or_else(String::new, |dash| format!(" stroke-dasharray=\"{dash}\""));
        self.push(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"{dash}/>",
            a.x, a.y, b.x, b.y
        ));
    }

    pub(super) fn polygon(&mut self, points: &[Point], colour: &str) {
        let points: Vec<String> = points
            .iter()
            .map(|p| format!("{:.1},{:.1}", p.x, p.y))
            .collect();
        self.push(format_args!(
            "<polygon points=\"{}\" fill=\"{colour}\"/>",
            points.join(" ")
        ));
    }

    pub(super) fn circle(&mut self, at: Point, radius: f64, colour: &str) {
        self.push(format_args!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\" fill=\"{colour}\"/>",
            at.x, at.y
        ));
    }

    pub(super) fn rectangle(&mut self, at: Point, size: Point, colour: &str) {
        self.push(format_args!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
            at.x, at.y, size.x, size.y
        ));
    }

    /// A text whose middle line is at `at.y`.
    pub(super) fn words(
        &mut self,
        parts: &[Part],
        at: Point,
        anchor: Anchor,
        size: f64,
        colour: &str,
    ) {
        if parts.is_empty() {
            return;
        }
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let mut spans = String::new();
        let mut lowered = 0.0;
        for part in parts {
            let (text, level, small) = match part {
                Part::Plain(text) => (text, 0.0, false),
                Part::Sub(text) => (text, 0.25 * size, true),
                Part::Super(text) => (text, -0.4 * size, true),
            };
            let shift = level - lowered;
            lowered = level;
            let text = escape(text);
            spans += &match (shift == 0.0, small) {
                (true, false) => text,
                (_, false) => format!("<tspan dy=\"{shift:.1}\">{text}</tspan>"),
                (_, true) => format!(
                    "<tspan dy=\"{shift:.1}\" font-size=\"{:.1}\">{text}</tspan>",
                    0.7 * size
                ),
            };
        }
        // Capitals are 0.72 of the font size high.
        let (x, y) = (at.x, at.y + 0.36 * size);
        self.push(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{colour}\">{spans}</text>"
        ));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{element}").expect("writing to a string cannot fail");
    }

    /// The whole picture. `title` and `description` are for readers who do not see it.
    pub(super) fn finish(self, size: Point, title: &str, description: &str) -> String {
        let (width, height) = (size.x.ceil(), size.y.ceil());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"molecule\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Helvetica, Arial, sans-serif\" stroke-linecap=\"round\">\n\
             <title>{}</title>\n<desc>{}</desc>\n{}</svg>\n",
            escape(title),
            escape(description),
            self.text
        )
    }
}

/// Text made safe inside XML: markup escaped, characters that XML forbids replaced.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => safe.push('\u{FFFD}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("a<b>&\"\0\t"), "a&lt;b&gt;&amp;&quot;\u{FFFD} ");
        let svg = Canvas::default().finish(Point::new(10.2, 5.0), "<x>", "y");
        assert!(svg.contains("viewBox=\"0 0 11 5\"") && svg.contains("&lt;x&gt;"));
    }
}
