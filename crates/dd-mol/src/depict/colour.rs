//! Colours of a drawing, chosen to stay apart for colour-blind readers.
//!
//! The hues are those of Okabe and Ito ("Color Universal Design", 2008), darkened where
//! text on white would be too faint. No meaning rests on colour alone.

/// Colour of an element's label.
pub(super) fn of_element(atomic_number: u8) -> &'static str {
    match atomic_number {
        7 => "#0064A3",
        8 => "#B84A00",
        9 | 17 => "#00755A",
        16 | 34 => "#8A6500",
        15 => "#A3477A",
        35 => "#7A3B1A",
        53 => "#5B3A8C",
        _ => "#1A1A1A",
    }
}

/// Colour of lines and of what is not an atom label.
pub(super) const INK: &str = "#1A1A1A";
/// Colour of atom indices.
pub(super) const INDEX: &str = "#6B6B6B";

/// The two ends of the scale: below and above zero.
const COLD: [f64; 3] = [86.0, 160.0, 211.0];
const WARM: [f64; 3] = [230.0, 125.0, 45.0];
const WHITE: [f64; 3] = [255.0, 255.0, 255.0];

/// White at 0, blue towards -1, orange towards 1; beyond, as at the ends.
pub(super) fn diverging(value: f64) -> String {
    let end = if value < 0.0 { COLD } else { WARM };
    let share = value.abs().min(1.0);
    let [r, g, b] = std::array::from_fn(|part| WHITE[part] + (end[part] - WHITE[part]) * share);
    format!(
        "#{:02X}{:02X}{:02X}",
        r.round() as u8,
        g.round() as u8,
        b.round() as u8
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of the Web Content Accessibility Guidelines.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).expect("hexadecimal");
            let share = f64::from(value) / 255.0;
            if share <= 0.040_45 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[test]
    fn labels_can_be_read_on_white() {
        for number in 0..=118 {
            let contrast = 1.05 / (luminance(of_element(number)) + 0.05);
            assert!(contrast >= 4.5, "element {number}: {contrast}");
        }
    }

    #[test]
    fn the_scale_diverges_from_white() {
        assert_eq!(diverging(0.0), "#FFFFFF");
        assert_eq!(diverging(-2.0), diverging(-1.0));
        assert_ne!(diverging(-1.0), diverging(1.0));
        for end in [-1.0, 1.0] {
            let contrast = (luminance(&diverging(end)) + 0.05) / (luminance(INK) + 0.05);
            assert!(contrast >= 4.5, "black on {}: {contrast}", diverging(end));
        }
    }
}
