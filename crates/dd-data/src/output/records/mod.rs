//! Rows of numbers, words and flags: tables for people and spreadsheets, and for programs.
//!
//! The same contract as [`RowSink`](super::RowSink): `row`, `input`, `status`, the values, and for an error its kind, message
//! and span. A value may be absent in a row that has an answer.

mod array;
#[cfg(feature = "parquet")]
mod table;
mod text;

use std::io;
use std::path::{Path, PathBuf};

use super::file::OutputFile;
use super::{OutputError, check_names};
use crate::error::RowFault;

/// One column of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds; any of its values may be [`Value::Absent`].
    pub kind: Kind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers.
    Number,
    /// Whole numbers.
    Whole,
    /// Words.
    Text,
    /// True or false.
    Flag,
    /// Sets of the classes 0 and 1.
    Classes,
}

impl Column {
    /// A column.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        let name = name.into();
        Self { name, kind }
    }
}

/// Which of the classes 0 and 1 are in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassSet {
    /// Whether 0 is.
    pub zero: bool,
    /// Whether 1 is.
    pub one: bool,
}

impl ClassSet {
    /// `0`, `1`, `0 or 1`, `neither`.
    pub fn words(self) -> &'static str {
        match (self.zero, self.one) {
            (true, true) => "0 or 1",
            (true, false) => "0",
            (false, true) => "1",
            (false, false) => "neither",
        }
    }

    /// 1 for the class 0, plus 2 for the class 1.
    pub fn bits(self) -> u8 {
        u8::from(self.zero) + 2 * u8::from(self.one)
    }
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(f32),
    /// A whole number.
    Whole(u64),
    /// Words.
    Text(String),
    /// True or false.
    Flag(bool),
    /// Classes.
    Classes(ClassSet),
    /// Nothing.
    Absent,
}

/// One row.
#[derive(Debug, Clone)]
pub struct RecordRow {
    /// Number of the input row, from 0.
    pub row: u64,
    /// The input text.
    pub input: String,
    /// Values in the order of the columns, or the failure.
    pub outcome: Result<Vec<Value>, RowFault>,
}

/// A file of records under construction, under another name until [`RecordSink::finish`] has completed it.
pub struct RecordSink {
    path: PathBuf,
    columns: Vec<Column>,
    writer: Box<dyn Record>,
}

/// A format of records.
trait Record {
    /// Writes one row, which fits the columns.
    fn write(&mut self, row: &RecordRow, columns: &[Column]) -> io::Result<()>;

    /// Completes the file `path`.
    fn finish(self: Box<Self>, path: &Path) -> Result<(), OutputError>;
}

impl RecordSink {
    /// Opens a sink for `path`: `.csv`, `.tsv`, `.jsonl`, `.npy` (numbers only), `.parquet`; `-` is JSON lines on standard
    /// output.
    ///
    /// # Errors
    /// When the extension names another format, a name cannot be used, or the file cannot be created.
    pub fn open(path: &Path, columns: &[Column]) -> Result<Self, OutputError> {
        check_names(columns.iter().map(|column| column.name.as_str()))?;
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        let writer: Box<dyn Record> = match extension.as_deref() {
            _ if path == Path::new("-") => Box::new(text::Lines(OutputFile::create(path)?)),
            Some("jsonl") => Box::new(text::Lines(OutputFile::create(path)?)),
            Some("csv") => Box::new(text::Delimited::create(path, b',', columns)?),
            Some("tsv") => Box::new(text::Delimited::create(path, b'\t', columns)?),
            Some("npy") => Box::new(array::Array::create(path, columns)?),
            #[cfg(feature = "parquet")]
            Some("parquet") => Box::new(table::Table::create(path, columns)?),
            _ => return Err(OutputError::unknown(path)),
        };
        Ok(Self {
            path: path.to_path_buf(),
            columns: columns.to_vec(),
            writer,
        })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// When the row does not fit the columns or the disk does not take it.
    pub fn write(&mut self, row: &RecordRow) -> Result<(), OutputError> {
        if let Ok(values) = &row.outcome
            && values.len() != self.columns.len()
        {
            return Err(OutputError::Width {
                row: row.row,
                got: values.len(),
                expected: self.columns.len(),
            });
        }
        let written = self.writer.write(row, &self.columns);
        written.map_err(|error| OutputError::io(&self.path, error))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn finish(self) -> Result<(), OutputError> {
        self.writer.finish(&self.path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        let kinds = [
            ("y z", Kind::Number),
            ("near", Kind::Text),
            ("row_of", Kind::Whole),
            ("inside", Kind::Flag),
            ("set", Kind::Classes),
        ];
        kinds.map(|(name, kind)| Column::new(name, kind)).to_vec()
    }

    fn written(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("dd-data-records-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        let mut sink = RecordSink::open(&path, &columns()).unwrap();
        let values = |row_of| {
            let set = ClassSet {
                zero: false,
                one: true,
            };
            Ok(vec![
                Value::Number(0.1),
                Value::Text("C,C".into()),
                row_of,
                Value::Flag(true),
                Value::Classes(set),
            ])
        };
        let fault = RowFault::new("parse", "no").at(0..1);
        let outcomes = [values(Value::Absent), Err(fault), values(Value::Whole(7))];
        for (row, outcome) in outcomes.into_iter().enumerate() {
            let (row, input) = (row as u64, "CC".to_string());
            sink.write(&RecordRow {
                row,
                input,
                outcome,
            })
            .unwrap();
        }
        assert!(!path.exists(), "nothing has the name before it is whole");
        sink.finish().unwrap();
        path
    }

    #[test]
    fn every_row_is_there_with_what_it_has() {
        let text = |name: &str| std::fs::read_to_string(written(name)).unwrap();
        let head =
            "row,input,status,y z,near,row_of,inside,set,error.kind,error.message,error.span\n";
        let rows = "0,CC,ok,0.1,\"C,C\",,true,1,,,\n1,CC,error,,,,,,parse,no,0-1\n2,CC,ok,0.1,\"C,C\",7,true,1,,,\n";
        assert_eq!(text("a.csv"), format!("{head}{rows}"));
        let lines = text("a.jsonl");
        assert!(lines.contains("\"row_of\":null") && lines.contains("\"inside\":true"));
        assert!(lines.contains("\"span\":[0,1]") && lines.contains("\"set\":\"1\""));
    }

    #[test]
    fn an_array_has_the_numbers_in_their_order() {
        let path = written("a.npy");
        let bytes = std::fs::read(&path).unwrap();
        let head = String::from_utf8_lossy(&bytes[..128]).into_owned();
        assert!(head.contains("'<f8'") && head.contains("(3, 4)"), "{head}");
        let numbers: Vec<f64> = bytes[128..]
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
            .collect();
        assert_eq!((numbers[0] as f32, numbers[2], numbers[3]), (0.1, 1.0, 2.0));
        assert!(numbers[1].is_nan() && numbers[4..8].iter().all(|n| n.is_nan()));
        assert_eq!(numbers[9..], [7.0, 1.0, 2.0]);
        let beside = |end: &str| {
            let name = format!("{}{end}", path.display());
            std::fs::read_to_string(name).unwrap()
        };
        let names: Vec<String> = serde_json::from_str(&beside(".columns.json")).unwrap();
        assert_eq!(names, ["y z", "row_of", "inside", "set"]);
        assert!(beside(".errors.jsonl").contains("\"row\":1"));
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn a_table_has_every_column_by_its_name() {
        use parquet::file::reader::{FileReader, SerializedFileReader};
        let file = std::fs::File::open(written("a.parquet")).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let row = |row: parquet::errors::Result<parquet::record::Row>| {
            let row = row.unwrap();
            let columns = row.get_column_iter();
            columns
                .map(|(name, field)| format!("{name}={field};"))
                .collect::<String>()
        };
        let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(row).collect();
        let good = "y z=0.1;near=\"C,C\";row_of=7;inside=true;set=\"1\";";
        assert!(rows.len() == 3 && rows[2].contains(good), "{rows:?}");
        assert!(rows[0].contains("row_of=null;"), "{}", rows[0]);
        assert!(
            rows[1].contains("set=null;error_kind=\"parse\";"),
            "{}",
            rows[1]
        );
    }

    #[test]
    fn unknown_formats_and_equal_names_are_refused() {
        let open = |path: &str, names: &[&str]| {
            let columns: Vec<Column> = names
                .iter()
                .map(|name| Column::new(*name, Kind::Number))
                .collect();
            let refused = RecordSink::open(Path::new(path), &columns);
            refused.err().unwrap().to_string()
        };
        assert!(open("x.docx", &["y"]).contains(".npy"));
        assert!(open("x.csv", &["y", "y"]).contains("\"y\""));
    }
}
