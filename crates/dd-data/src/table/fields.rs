//! Splitting one record into its fields.

/// A record that does not end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FieldFault {
    /// The quotation mark at this byte is never closed.
    Unclosed {
        /// Byte position of the mark.
        at: usize,
    },
}

/// Fields of a record: plain, or in quotation marks with marks doubled. What follows a closing mark on the same line belongs
/// to the field; a field over several lines ends with its closing mark, else the mark that opened it was a stray one.
pub(crate) fn split(text: &str, delimiter: u8) -> Result<Vec<String>, FieldFault> {
    let bytes = text.as_bytes();
    let mut fields = Vec::new();
    let mut start = 0;
    loop {
        let mut field = String::new();
        let at = start;
        if bytes.get(start) == Some(&b'"') {
            start += 1;
            loop {
                let length = bytes[start..].iter().position(|&byte| byte == b'"');
                let end = start + length.ok_or(FieldFault::Unclosed { at })?;
                field.push_str(&text[start..end]);
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
            return Err(FieldFault::Unclosed { at });
        }
        field.push_str(&text[start..end]);
        fields.push(field);
        if length.is_none() {
            return Ok(fields);
        }
        start = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_record() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(
                split(text, b',').as_deref(),
                Ok(&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
                "{text}"
            );
        };
        check("", &[""]);
        check("a,,b,", &["a", "", "b", ""]);
        check("\"a,b\"c,d", &["a,bc", "d"]);
        check("\"\"\"\",x", &["\"", "x"]);
        check("C[C@H](F)\"", &["C[C@H](F)\""]);
        check("\"a\nb\",c", &["a\nb", "c"]);
        assert_eq!(split("a,\"b", b','), Err(FieldFault::Unclosed { at: 2 }));
        let stray = split("CC,\"abc\nCCN,x\nCCCl,\"def\"", b',');
        assert_eq!(stray, Err(FieldFault::Unclosed { at: 3 }));
    }
}
