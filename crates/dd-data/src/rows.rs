//! Rows of any input file, one answer each, in order: the row contract of the programs.
//!
//! Every row of the input gives one [`InputRow`], whatever is wrong with it. Memory is bounded by the largest row, not by the
//! input, so that an endless stream can be read.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use dd_mol::molfile::MolfileOptions;
use dd_mol::sdf::{SdfErrorKind, SdfReader};
use dd_mol::smiles::{self, ParseOptions};
use dd_mol::xyz::{XyzErrorKind, XyzReader};
use dd_mol::{Molecule, Sanitize};

use crate::error::{DataError, Result, RowFault};
use crate::part::Part;
use crate::source::{Format, open};
use crate::survey::named_smiles;
use crate::table::lines::{Line, next_line};
use crate::table::{TableReader, text_of, too_long};
use crate::text::text;
use crate::xyz_table::XyzRow;

/// What a row of the input gave.
#[derive(Debug)]
pub struct InputRow {
    /// 0-based number of the row: line, table row, SD record or XYZ frame.
    pub row: u64,
    /// What the row says: the SMILES, or the name of a record of coordinates.
    pub input: String,
    /// The molecule, or why there is none.
    pub molecule: std::result::Result<Molecule, RowFault>,
}

/// Input text and molecule of one row.
type Answer = (String, std::result::Result<Molecule, RowFault>);

/// How rows become molecules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowOptions {
    /// Column of a table with the SMILES. Without it, the one whose name says so (`smiles`,
    /// `Canonical_SMILES`, `mol`, ...), or the only column.
    pub smiles_column: Option<String>,
    /// Column that is taken when none is asked for and the table has it.
    pub usual_column: Option<String>,
    /// True to read a table's conformers (columns of [`XyzRow`]) in place of its SMILES.
    pub xyz_table: bool,
    /// True to take frames of several atoms, which have no bonds, for molecules.
    pub unbound: bool,
    /// What perception does with hydrogens written as atoms.
    pub sanitize: Sanitize,
    /// Which rows are answered; the others are passed over without a look, and keep their numbers.
    pub part: Part,
}

impl RowOptions {
    /// For 2D: SMILES from tables, hydrogens merged.
    pub const GRAPH: Self = Self {
        smiles_column: None,
        usual_column: None,
        xyz_table: false,
        unbound: false,
        sanitize: Sanitize::RDKIT,
        part: Part::ALL,
    };
}

/// The rows of a file.
pub struct Rows {
    path: PathBuf,
    options: RowOptions,
    next_row: u64,
    finished: bool,
    kind: Kind,
}

enum Kind {
    Smi(Box<dyn BufRead + Send>),
    Smiles(TableReader, usize),
    Xyz(TableReader, [usize; 4], Option<usize>),
    Sdf(Box<SdfReader<Box<dyn BufRead + Send>>>),
    Frames(XyzReader<Box<dyn BufRead + Send>>),
}

impl Rows {
    /// Opens a file; its name says the format.
    ///
    /// # Errors
    /// When the file cannot be opened, has an unknown format, or lacks a column.
    pub fn open(path: &Path, options: RowOptions) -> Result<Self> {
        let format = Format::of(path)?;
        Self::from_reader(open(path)?, path, format, options)
    }

    /// Reads from anything; `path` is used in messages only.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_reader(
        reader: Box<dyn BufRead + Send>,
        path: &Path,
        format: Format,
        options: RowOptions,
    ) -> Result<Self> {
        let molfile = MolfileOptions {
            sanitize: options.sanitize.clone(),
        };
        let kind = match format {
            Format::Smi => Kind::Smi(text(reader, path)?),
            Format::Sdf => Kind::Sdf(Box::new(SdfReader::new(text(reader, path)?, molfile))),
            Format::Xyz => Kind::Frames(XyzReader::new(text(reader, path)?)),
            Format::Csv | Format::Tsv => {
                let table = TableReader::new(reader, path, format.delimiter())?;
                if options.xyz_table {
                    let mut places = [0; 4];
                    for (place, name) in places.iter_mut().zip(XyzRow::COLUMNS) {
                        *place = table.column(name)?;
                    }
                    let id = table.columns().iter().position(|column| column == "id");
                    Kind::Xyz(table, places, id)
                } else {
                    let column = smiles_column(&table, path, &options)?;
                    Kind::Smiles(table, column)
                }
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            options,
            next_row: 0,
            finished: false,
            kind,
        })
    }

    fn parse(&self, text: &str) -> std::result::Result<Molecule, RowFault> {
        if text.trim().is_empty() {
            return Err(RowFault::new("empty", "the SMILES is empty"));
        }
        let options = ParseOptions {
            sanitize: self.options.sanitize.clone(),
        };
        let molecule = smiles::parse_with(text, &options)?;
        if molecule.num_atoms() == 0 {
            return Err(RowFault::new("empty", "the molecule has no atoms"));
        }
        Ok(molecule)
    }

    /// A line of a list: the SMILES ends at the first blank or tab; an extension `|…|` and a name may follow.
    fn of_line(&self, line: Line) -> Answer {
        if line.is_cut() {
            let shown = String::from_utf8_lossy(&line.bytes[..80]).into_owned();
            return (shown, Err(too_long(line.length)));
        }
        let text = text_of(line);
        let text = text.trim();
        let smiles = text.split([' ', '\t']).next().unwrap_or("");
        match self.parse(text) {
            Ok(molecule) => (smiles.to_string(), Ok(molecule)),
            // A fault of the extension shows all, any other the SMILES alone.
            Err(fault)
                if fault
                    .span
                    .as_ref()
                    .is_some_and(|span| span.end > smiles.len()) =>
            {
                (text.to_string(), Err(fault))
            }
            Err(_) => (smiles.to_string(), self.parse(smiles)),
        }
    }

    /// A cell of a table; faults point into it as it stands, blanks included.
    fn of_cell(&self, text: String) -> Answer {
        let blanks = text.len() - text.trim_start().len();
        let mut molecule = self.parse(text.trim());
        if let Err(RowFault {
            span: Some(span), ..
        }) = &mut molecule
        {
            *span = span.start + blanks..span.end + blanks;
        }
        (text, molecule)
    }

    /// Passes over a row; false at the end of the input.
    fn pass(&mut self) -> Result<bool> {
        match &mut self.kind {
            Kind::Smi(reader) => next_line(&mut **reader)
                .map(|line| line.is_some())
                .map_err(|error| DataError::file(&self.path, error)),
            Kind::Smiles(table, _) | Kind::Xyz(table, ..) => {
                table.next().transpose().map(|row| row.is_some())
            }
            Kind::Sdf(_) | Kind::Frames(_) => Ok(self.answer()?.is_some()),
        }
    }

    /// Passes over the rows of other parts, then answers one.
    fn next_answer(&mut self) -> Result<Option<Answer>> {
        while !self.options.part.has(self.next_row) {
            if !self.pass()? {
                return Ok(None);
            }
            self.next_row += 1;
        }
        self.answer()
    }

    /// Input text and molecule of the next row.
    fn answer(&mut self) -> Result<Option<Answer>> {
        match &mut self.kind {
            Kind::Smi(reader) => {
                let line =
                    next_line(&mut **reader).map_err(|error| DataError::file(&self.path, error))?;
                let Some(line) = line else { return Ok(None) };
                Ok(Some(self.of_line(line)))
            }
            Kind::Smiles(table, column) => {
                let column = *column;
                let Some(row) = table.next() else {
                    return Ok(None);
                };
                Ok(Some(match row?.fields {
                    Ok(mut fields) => self.of_cell(std::mem::take(&mut fields[column])),
                    Err(fault) => (String::new(), Err(without_place(fault))),
                }))
            }
            Kind::Xyz(table, places, id) => {
                let Some(row) = table.next() else {
                    return Ok(None);
                };
                Ok(Some(match row?.fields {
                    Ok(fields) => {
                        let [symbols, xyz_angstrom, bonds, charges] =
                            places.map(|place| fields[place].as_str());
                        let name = id.map_or(String::new(), |id| fields[id].clone());
                        let row = XyzRow {
                            symbols,
                            xyz_angstrom,
                            bonds,
                            charges,
                        };
                        let molecule = row.molecule(&name);
                        (name, molecule)
                    }
                    Err(fault) => (String::new(), Err(without_place(fault))),
                }))
            }
            Kind::Sdf(reader) => {
                let Some(record) = reader.next() else {
                    return Ok(None);
                };
                Ok(Some(match record {
                    Ok(molecule) if molecule.num_atoms() == 0 => {
                        let fault = RowFault::new("empty", "the molecule has no atoms");
                        (molecule.name().to_string(), Err(fault))
                    }
                    Ok(molecule) => (molecule.name().to_string(), Ok(molecule)),
                    Err(error) => match error.kind {
                        SdfErrorKind::Io(source) => {
                            return Err(DataError::file(&self.path, source));
                        }
                        kind => (
                            error.title,
                            Err(RowFault::new(kind.name(), kind.to_string())),
                        ),
                    },
                }))
            }
            Kind::Frames(reader) => {
                let Some(frame) = reader.next() else {
                    return Ok(None);
                };
                Ok(Some(match frame {
                    Ok(frame) if frame.atomic_numbers.is_empty() => {
                        let fault = RowFault::new("empty", "the molecule has no atoms");
                        (frame.comment, Err(fault))
                    }
                    Ok(frame) if frame.atomic_numbers.len() > 1 && !self.options.unbound => {
                        let fault = RowFault::new(
                            "no-bonds",
                            "an XYZ frame has atoms and no bonds: give the molecule as SMILES, .sdf or .mol",
                        );
                        (frame.comment, Err(fault))
                    }
                    Ok(frame) => {
                        let molecule = frame
                            .to_molecule()
                            .map_err(|error| RowFault::new(error.kind(), error.to_string()));
                        (frame.comment, molecule)
                    }
                    Err(error) => match error.kind {
                        XyzErrorKind::Io(source) => {
                            return Err(DataError::file(&self.path, source));
                        }
                        _ => {
                            let fault = RowFault::new("xyz", error.to_string());
                            (error.comment, Err(fault))
                        }
                    },
                }))
            }
        }
    }
}

impl Iterator for Rows {
    type Item = Result<InputRow>;

    /// The next row; an error means that the input cannot be read any further.
    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        let answer = self.next_answer().transpose()?;
        self.finished = answer.is_err();
        let row = self.next_row;
        self.next_row += 1;
        Some(answer.map(|(input, molecule)| InputRow {
            row,
            input,
            molecule,
        }))
    }
}

/// A row without fields has no input to point at.
fn without_place(fault: RowFault) -> RowFault {
    RowFault {
        span: None,
        ..fault
    }
}

fn smiles_column(table: &TableReader, path: &Path, options: &RowOptions) -> Result<usize> {
    if let Some(name) = &options.smiles_column {
        return table.column(name);
    }
    let columns = table.columns();
    if let Some(name) = options
        .usual_column
        .as_ref()
        .filter(|&name| columns.contains(name))
    {
        return table.column(name);
    }
    match named_smiles(columns) {
        Some(place) => table.column(&columns[place]),
        None if columns.len() == 1 && !columns[0].contains(['\t', ';']) => Ok(0),
        None => Err(DataError::NoSmiles {
            path: path.to_path_buf(),
            available: columns.to_vec(),
        }),
    }
}
