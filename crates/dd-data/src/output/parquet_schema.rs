//! What Parquet files of rows have in common: `row`, `input` and `status` before the values, the failure after them.

use std::sync::Arc;

use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf {
    /// float32.
    Float,
    /// int64.
    Whole,
    /// Boolean.
    Flag,
    /// UTF-8.
    Text,
}

impl Leaf {
    fn column(self, name: &str, repetition: Repetition) -> Result<TypePtr, ParquetError> {
        let (physical, converted) = match self {
            Self::Float => (Physical::FLOAT, ConvertedType::NONE),
            Self::Whole => (Physical::INT64, ConvertedType::NONE),
            Self::Flag => (Physical::BOOLEAN, ConvertedType::NONE),
            Self::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
        };
        let builder = Type::primitive_type_builder(name, physical)
            .with_repetition(repetition)
            .with_converted_type(converted);
        builder.build().map(Arc::new)
    }

    /// A column that has no value in a failed row.
    pub(super) fn optional(self, name: &str) -> Result<TypePtr, ParquetError> {
        self.column(name, Repetition::OPTIONAL)
    }

    /// A column with a value in every row.
    pub(super) fn required(self, name: &str) -> Result<TypePtr, ParquetError> {
        self.column(name, Repetition::REQUIRED)
    }
}

/// A list of numbers, absent in a failed row.
pub(super) fn vector(name: &str) -> Result<TypePtr, ParquetError> {
    let list = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Leaf::Float.required("element")?])
        .build()?;
    Type::group_type_builder(name)
        .with_repetition(Repetition::OPTIONAL)
        .with_fields(vec![Arc::new(list)])
        .with_converted_type(ConvertedType::LIST)
        .build()
        .map(Arc::new)
}

/// The schema of a file with these values.
pub(super) fn message(
    values: impl Iterator<Item = Result<TypePtr, ParquetError>>,
) -> Result<Type, ParquetError> {
    let mut fields = vec![
        Leaf::Whole.required("row")?,
        Leaf::Text.required("input")?,
        Leaf::Text.required("status")?,
    ];
    for value in values {
        fields.push(value?);
    }
    for name in ["error_kind", "error_message"] {
        fields.push(Leaf::Text.optional(name)?);
    }
    Type::group_type_builder("rows").with_fields(fields).build()
}
