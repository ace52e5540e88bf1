//! Numbers in fixed columns, read from bytes.
//!
//! Decimals with at most 15 digits are a whole number divided by a power of ten, both
//! exact, so that one division rounds as a full conversion would (W. D. Clinger,
//! doi:10.1145/93542.93557); longer ones go the slow way.

/// Powers of ten that a double holds exactly and that 15 digits can need.
const POWERS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];
/// Digits that fit a double's mantissa whatever they are.
const EXACT_DIGITS: usize = 15;

/// `bytes` without blanks at both ends.
pub(super) fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

/// A whole number with blanks around it, 0 when all is blank; `None` for other text.
pub(super) fn integer(bytes: &[u8]) -> Option<i64> {
    let bytes = trimmed(bytes);
    let (negative, digits) = sign(bytes);
    if digits.is_empty() {
        return bytes.is_empty().then_some(0);
    }
    let mut value = 0_i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(if negative { -value } else { value })
}

/// A number without exponent with blanks around it, 0 when all is blank; `None` for
/// other text, above all for "nan" and "inf".
pub(super) fn decimal(bytes: &[u8]) -> Option<f64> {
    if let Ok(columns) = bytes.try_into()
        && let Some(value) = coordinate(columns)
    {
        return Some(value);
    }
    let bytes = trimmed(bytes);
    let (negative, number) = sign(bytes);
    let (mut value, mut digits, mut decimals) = (0_u64, 0, None);
    for &byte in number {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        } else if byte == b'.' && decimals.is_none() {
            decimals = Some(digits);
        } else {
            return None;
        }
    }
    if digits == 0 {
        return bytes.is_empty().then_some(0.0);
    }
    if digits > EXACT_DIGITS {
        return std::str::from_utf8(bytes).ok()?.parse().ok();
    }
    let scale = decimals.map_or(0, |before| digits - before);
    let value = value as f64 / POWERS[scale];
    Some(if negative { -value } else { value })
}

/// Ten columns as nearly every program fills them: blanks, a sign or none, digits, a point and four digits.
fn coordinate(columns: &[u8; 10]) -> Option<f64> {
    let [whole @ .., b'.', a, b, c, d] = columns else {
        return None;
    };
    let mut value = four_digits([*a, *b, *c, *d])?;
    let (mut start, mut unit) = (whole.len(), 10_000);
    while let Some(digit) = whole[..start].last().map(|byte| byte.wrapping_sub(b'0'))
        && digit <= 9
    {
        value += unit * u32::from(digit);
        unit *= 10;
        start -= 1;
    }
    let (is_negative, blanks) = match &whole[..start] {
        _ if start == whole.len() => return None,
        [blanks @ .., b'-'] => (true, blanks),
        blanks => (false, blanks),
    };
    if blanks.iter().any(|byte| *byte != b' ') {
        return None;
    }
    let value = f64::from(value) / 1e4;
    Some(if is_negative { -value } else { value })
}

/// The number that four digits make; all are looked at, and added in pairs, at once.
fn four_digits(bytes: [u8; 4]) -> Option<u32> {
    let digits = u32::from_le_bytes(bytes) ^ 0x3030_3030;
    // Above 9 a digit, or the digit and 6, has bits beyond the lowest four.
    if (digits | digits.wrapping_add(0x0606_0606)) & 0xF0F0_F0F0 != 0 {
        return None;
    }
    let pairs = (10 * digits + (digits >> 8)) & 0x00FF_00FF;
    Some(100 * (pairs & 0xFF) + (pairs >> 16))
}

fn sign(bytes: &[u8]) -> (bool, &[u8]) {
    match bytes {
        [first @ (b'+' | b'-'), rest @ ..] => (*first == b'-', rest),
        rest => (false, rest),
    }
}

/// Whether there are only blanks and zeros, as at the end of most lines.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    // A blank and a zero differ in one bit.
    let other = bytes
        .iter()
        .fold(0, |all, byte| all | ((byte & 0xEF) ^ b' '));
    other == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        let cases: [(&str, Option<i64>); 9] = [
            ("  7", Some(7)),
            ("-12 ", Some(-12)),
            ("+3", Some(3)),
            ("   ", Some(0)),
            ("", Some(0)),
            ("-", None),
            ("1 2", None),
            ("1.", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(integer(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn decimals_round_as_the_standard_library_does() {
        let mut state = 1_u64;
        for _ in 0..100_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let places = (state >> 60) as usize;
            let number = (state >> 20) as i32;
            let text = format!("{:.places$}", f64::from(number) / 10_f64.powi(7));
            let exact: f64 = text.parse().expect("a number");
            let found = decimal(text.as_bytes()).expect("a number");
            assert_eq!(found.to_bits(), exact.to_bits(), "{text}");
            let columns = format!(
                "{:10.4}",
                f64::from(number) / 10_f64.powi(places as i32 % 8)
            );
            let exact: f64 = columns.trim().parse().expect("a number");
            let found = decimal(columns.as_bytes()).expect("a number");
            assert_eq!(found.to_bits(), exact.to_bits(), "{columns}");
        }
        for text in [
            "   1-.0000",
            " -12 .0000",
            "  1 2.0000",
            "    ..0000",
            "    1.00x0",
            "  --1.0000",
        ] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
        assert_eq!(decimal(b"+9999.9999"), Some(9999.9999));
        assert_eq!(decimal(b"99999.9999"), Some(99_999.999_9));
        assert_eq!(
            decimal(b"   -0.0000").map(f64::to_bits),
            Some((-0.0_f64).to_bits())
        );
        for text in ["nan", "inf", "1e3", "1,0", ".", "-", "1.2.3", "--1", "é"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
        assert_eq!(decimal(b"  .5 "), Some(0.5));
        assert_eq!(decimal(b" -3."), Some(-3.0));
        assert_eq!(decimal(b"    "), Some(0.0));
    }

    #[test]
    fn four_bytes_are_digits_or_not() {
        for number in 0..10_000 {
            let text = format!("{number:04}");
            let bytes = text.as_bytes().try_into().expect("four");
            assert_eq!(four_digits(bytes), Some(number));
            for (place, other) in (0..=255_u8).enumerate() {
                let mut bytes = bytes;
                bytes[place % 4] = other;
                let digits = bytes.iter().all(u8::is_ascii_digit);
                assert_eq!(four_digits(bytes).is_some(), digits, "{bytes:?}");
            }
        }
    }

    #[test]
    fn tails_of_zeros_are_blank() {
        assert!(is_blank(b"  0  0000 ") && is_blank(b""));
        for byte in (0..=255_u8).filter(|byte| !matches!(byte, b' ' | b'0')) {
            assert!(!is_blank(&[b' ', byte]));
        }
    }
}
