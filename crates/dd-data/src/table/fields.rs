//! Splitting one record into its fields.

/// A quotation mark that is not closed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed {
    /// Byte position of the mark.
    pub(crate) at: usize,
    /// Whether another line may close it.
    pub(crate) may_close: bool,
}

/// A record of one line or more, and its fields as far as they have been found.
pub(crate) struct Record {
    text: String,
    fields: Vec<String>,
    /// Where the first field begins that has not been found.
    start: usize,
}

impl Record {
    /// A record that begins with a line.
    pub(crate) fn new(line: String) -> Self {
        Self {
            text: line,
            fields: Vec::new(),
            start: 0,
        }
    }

    /// All lines so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Adds a line to a record with a mark that is not closed, and says whether it can be closed in it: marks in pairs stand
    /// for one that is part of the field.
    pub(crate) fn push(&mut self, line: &str) -> bool {
        self.text.push('\n');
        self.text.push_str(line);
        let mut runs = line.as_bytes().chunk_by(|a, b| a == b);
        runs.any(|run| run[0] == b'"' && run.len() % 2 == 1)
    }

    /// Finds the fields that have not been found yet: plain, or in quotation marks with marks doubled. What follows a closing
    /// mark on the same line belongs to the field; a field over several lines ends with its closing mark, else the mark that
    /// opened it was a stray one.
    pub(crate) fn split(&mut self, delimiter: u8) -> Result<(), Unclosed> {
        let bytes = self.text.as_bytes();
        loop {
            let (at, mut start) = (self.start, self.start);
            let mut field = String::new();
            if bytes.get(start) == Some(&b'"') {
                start += 1;
                loop {
                    let length = bytes[start..].iter().position(|&byte| byte == b'"');
                    let open = Unclosed {
                        at,
                        may_close: true,
                    };
                    let end = start + length.ok_or(open)?;
                    field.push_str(&self.text[start..end]);
                    start = end + 1;
                    if bytes.get(start) != Some(&b'"') {
                        break;
                    }
                    field.push('"');
                    start += 1;
                }
            }
            let length = bytes[start..].iter().position(|&byte| byte == delimiter);
            let end = length.map_or(bytes.len(), |length| start + length);
            if end > start && field.contains('\n') {
                return Err(Unclosed {
                    at,
                    may_close: false,
                });
            }
            field.push_str(&self.text[start..end]);
            self.fields.push(field);
            if length.is_none() {
                return Ok(());
            }
            self.start = end + 1;
        }
    }

    /// The fields that have been found.
    pub(crate) fn into_fields(self) -> Vec<String> {
        self.fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Result<Vec<String>, (usize, bool)> {
        let mut record = Record::new(text.to_string());
        let done = record.split(b',');
        done.map_err(|mark| (mark.at, mark.may_close))?;
        Ok(record.into_fields())
    }

    #[test]
    fn fields_of_a_record() {
        let check = |text: &str, expected: &[&str]| {
            let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(fields(text), Ok(expected), "{text}");
        };
        check("", &[""]);
        check("a,,b,", &["a", "", "b", ""]);
        check("\"a,b\"c,d", &["a,bc", "d"]);
        check("\"\"\"\",x", &["\"", "x"]);
        check("C[C@H](F)\"", &["C[C@H](F)\""]);
        check("\"a\nb\",c", &["a\nb", "c"]);
        assert_eq!(fields("a,\"b"), Err((2, true)));
        assert_eq!(fields("CC,\"abc\nCCN,x\nCCCl,\"def\""), Err((3, false)));
    }

    #[test]
    fn a_record_goes_on_where_a_line_closes_its_mark() {
        let mut record = Record::new("a,\"b".into());
        assert_eq!(record.split(b',').unwrap_err().at, 2);
        assert!(!record.push("c"));
        assert!(!record.push("\"\"d\"\"\"\""));
        assert!(record.push("e\"\"\",\"f"));
        assert_eq!(record.split(b',').unwrap_err().at, 20);
        assert!(record.push("\",g"));
        assert_eq!(record.split(b','), Ok(()));
        let expected = ["a", "b\nc\n\"d\"\"\ne\"", "f\n", "g"];
        assert_eq!(record.into_fields(), expected);
    }
}
