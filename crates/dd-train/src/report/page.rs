//! A page: headings, paragraphs, tables and pictures in one self-contained file.

use super::escape;

/// An HTML page under construction.
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    body: String,
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1120px;margin:2rem auto;padding:0 1rem;color:#222}\
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #ddd}\
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.3rem .8rem;border-bottom:1px solid #ddd;text-align:right}\
th:first-child,td:first-child,.prose td{text-align:left}.prose td{vertical-align:top}\
.row{display:flex;flex-wrap:wrap;gap:1rem}.row>svg{flex:1 1 420px;max-width:540px}.row>svg.molecule{flex:0 1 auto;max-width:320px;height:auto}\
figure{margin:0;max-width:320px;text-align:center}figure>svg{max-width:320px;height:auto}figcaption{font-size:13px;color:#444}\
svg:not(.molecule) text{font:11px system-ui,sans-serif;fill:#333}svg .title{font-weight:600;font-size:13px}\
svg .grid{stroke:#e8e8e8}svg .ideal{stroke:#999;stroke-dasharray:4 3}\
pre{background:#f6f6f6;padding:.8rem;overflow:auto}";

impl Page {
    /// An empty page.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_string(),
            body: String::new(),
        }
    }

    /// A section heading.
    pub fn heading(&mut self, text: &str) {
        self.body += &format!("<h2>{}</h2>\n", escape(text));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.body += &format!("<p>{}</p>\n", escape(text));
    }

    /// Text shown as it is, in fixed width.
    pub fn preformatted(&mut self, text: &str) {
        self.body += &format!("<pre>{}</pre>\n", escape(text));
    }

    /// A table; the first column is left-aligned.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let cells = |tag: &str, texts: &mut dyn Iterator<Item = String>| -> String {
            texts
                .map(|text| format!("<{tag}>{}</{tag}>", escape(&text)))
                .collect()
        };
        self.body += &format!(
            "<table><tr>{}</tr>\n",
            cells("th", &mut head.iter().map(ToString::to_string))
        );
        for row in rows {
            self.body += &format!("<tr>{}</tr>\n", cells("td", &mut row.iter().cloned()));
        }
        self.body += "</table>\n";
    }

    /// A table without a head whose cells are prose: all columns are left-aligned.
    pub fn prose_table(&mut self, rows: &[Vec<String>]) {
        self.body += "<table class=\"prose\">\n";
        for row in rows {
            let cells = row.iter().map(|text| format!("<td>{}</td>", escape(text)));
            self.body += &format!("<tr>{}</tr>\n", cells.collect::<String>());
        }
        self.body += "</table>\n";
    }

    /// SVG pictures side by side.
    pub fn pictures(&mut self, svgs: &[String]) {
        self.body += &format!("<div class=\"row\">{}</div>\n", svgs.concat());
    }

    /// The page as text.
    pub fn to_html(&self) -> String {
        let title = escape(&self.title);
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\n\
             <body><h1>{title}</h1>\n{}</body></html>\n",
            self.body
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut page = Page::new("a < b");
        page.paragraph("<script>");
        page.table(&["x"], &[vec!["1 & 2".to_string()]]);
        let html = page.to_html();
        assert!(!html.contains("<script>"));
        assert!(html.contains("a &lt; b") && html.contains("1 &amp; 2"));
    }
}
