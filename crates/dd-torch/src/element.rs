//! Element types of storages.

/// The type of a storage's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub enum Element {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
    Complex64,
    Complex128,
    QInt32,
    QInt8,
    QUInt8,
}

/// Element, its name in PyTorch, the class of its typed storages (where there is one), and bytes of a number.
const TABLE: [(Element, &str, &str, usize); 18] = [
    (Element::F64, "float64", "DoubleStorage", 8),
    (Element::F32, "float32", "FloatStorage", 4),
    (Element::F16, "float16", "HalfStorage", 2),
    (Element::BF16, "bfloat16", "BFloat16Storage", 2),
    (Element::I64, "int64", "LongStorage", 8),
    (Element::I32, "int32", "IntStorage", 4),
    (Element::I16, "int16", "ShortStorage", 2),
    (Element::I8, "int8", "CharStorage", 1),
    (Element::U64, "uint64", "", 8),
    (Element::U32, "uint32", "", 4),
    (Element::U16, "uint16", "", 2),
    (Element::U8, "uint8", "ByteStorage", 1),
    (Element::Bool, "bool", "BoolStorage", 1),
    (Element::Complex64, "complex64", "ComplexFloatStorage", 8),
    (
        Element::Complex128,
        "complex128",
        "ComplexDoubleStorage",
        16,
    ),
    (Element::QInt32, "qint32", "QInt32Storage", 4),
    (Element::QInt8, "qint8", "QInt8Storage", 1),
    (Element::QUInt8, "quint8", "QUInt8Storage", 1),
];

impl Element {
    /// PyTorch's name: `float32`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Bytes of one number.
    pub fn size(self) -> usize {
        self.row().3
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    pub(crate) fn of_storage_class(name: &str) -> Option<Self> {
        let known = |row: &&(Self, &str, &str, usize)| row.2 == name && !name.is_empty();
        TABLE.iter().find(known).map(|row| row.0)
    }

    fn row(self) -> &'static (Self, &'static str, &'static str, usize) {
        TABLE
            .iter()
            .find(|row| row.0 == self)
            .expect("the table has every element")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_classes_lead_back() {
        for (element, name, class, size) in TABLE {
            assert_eq!(Element::of_name(name), Some(element));
            assert_eq!((element.name(), element.size()), (name, size));
            if !class.is_empty() {
                assert_eq!(Element::of_storage_class(class), Some(element));
            }
        }
        assert_eq!(Element::of_storage_class(""), None);
    }
}
