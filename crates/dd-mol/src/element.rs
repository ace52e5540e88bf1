//! The periodic table as RDKit's valence model uses it.
//!
//! Atomic weights, most common isotopes and their masses are those of RDKit's
//! table (Blue Obelisk Data Repository, IUPAC values), because molecular weights
//! must agree with RDKit to the last digit. The allowed valences are the RDKit
//! valence model; -1 closes a list that has no upper end.

/// What the model knows of one element.
#[derive(Debug)]
pub struct Element {
    /// Symbol; `*` for the dummy atom.
    pub symbol: &'static str,
    /// Standard atomic weight in Da.
    pub weight: f64,
    /// Electrons in the outer shell.
    pub outer_electrons: i32,
    /// Mass number of the most common isotope.
    pub common_isotope: u16,
    /// Mass of the most common isotope in Da.
    pub common_mass: f64,
    /// Allowed valences, ascending; -1 means any.
    pub valences: &'static [i32],
}

impl Element {
    /// The element of an atomic number, the dummy for numbers beyond the table.
    pub fn of(atomic_number: u8) -> &'static Self {
        ELEMENTS
            .get(usize::from(atomic_number))
            .unwrap_or(&ELEMENTS[0])
    }

    /// The lowest allowed valence, -1 when any.
    pub fn default_valence(&self) -> i32 {
        self.valences[0]
    }

    /// The highest allowed valence, -1 when any.
    pub fn max_valence(&self) -> i32 {
        self.valences[self.valences.len() - 1]
    }

    /// The atomic number of an element symbol.
    pub fn number(symbol: &str) -> Option<u8> {
        let number = match *symbol.as_bytes() {
            [b'*'] => return Some(0),
            [first @ b'A'..=b'Z'] => BY_SYMBOL[place(first, b'`')],
            [first @ b'A'..=b'Z', second @ b'a'..=b'z'] => BY_SYMBOL[place(first, second)],
            _ => 0,
        };
        (number > 0).then_some(number)
    }
}

/// Atomic numbers by the letters of the symbol, 0 where there is no such element.
static BY_SYMBOL: [u8; 26 * 27] = {
    let mut numbers = [0; 26 * 27];
    let mut number = 1;
    while number < ELEMENTS.len() {
        let symbol = ELEMENTS[number].symbol.as_bytes();
        let second = if symbol.len() > 1 { symbol[1] } else { b'`' };
        numbers[place(symbol[0], second)] = number as u8;
        number += 1;
    }
    numbers
};

/// The place of a symbol; the character before `a` stands for no second letter.
const fn place(first: u8, second: u8) -> usize {
    (first - b'A') as usize * 27 + (second - b'`') as usize
}

/// Highest atomic number of the table.
pub const MAX_ATOMIC_NUMBER: u8 = 118;

/// Elements to the left of carbon, and those below it that behave so: adding an
/// electron raises their valence.
pub(crate) fn is_early(atomic_number: u8) -> bool {
    matches!(
        atomic_number,
        3..=5 | 11..=13 | 19..=22 | 30..=32 | 37..=41 | 48..=51 | 55..=61 | 72..=73
            | 80..=83 | 87..=93 | 104..=118
    )
}

/// Metals in the sense of the organometallic clean-up (Marvin Sketch's list).
pub(crate) fn is_metal(atomic_number: u8) -> bool {
    !matches!(
        atomic_number,
        0..=2 | 5..=10 | 14..=18 | 33..=36 | 52..=54 | 85 | 86
    )
}

/// Whether `a` attracts electrons more than `b`: more outer electrons, or as many
/// and a lower atomic number.
pub(crate) fn more_electronegative(a: u8, b: u8) -> bool {
    let (outer_a, outer_b) = (
        Element::of(a).outer_electrons,
        Element::of(b).outer_electrons,
    );
    outer_a > outer_b || (outer_a == outer_b && a < b)
}

const fn element(
    symbol: &'static str,
    weight: f64,
    outer_electrons: i32,
    common_isotope: u16,
    common_mass: f64,
    valences: &'static [i32],
) -> Element {
    Element {
        symbol,
        weight,
        outer_electrons,
        common_isotope,
        common_mass,
        valences,
    }
}

#[rustfmt::skip]
#[allow(clippy::unreadable_literal)]
static ELEMENTS: [Element; 119] = [
    element("*", 0.0, 0, 0, 0.0, &[-1]),
    element("H", 1.008, 1, 1, 1.007825032, &[1]),
    element("He", 4.003, 2, 4, 4.002603254, &[0]),
    element("Li", 6.941, 1, 7, 7.01600455, &[1, -1]),
    element("Be", 9.012, 2, 9, 9.0121822, &[2]),
    element("B", 10.812, 3, 11, 11.0093054, &[3]),
    element("C", 12.011, 4, 12, 12.0, &[4]),
    element("N", 14.007, 5, 14, 14.003074, &[3]),
    element("O", 15.999, 6, 16, 15.99491462, &[2]),
    element("F", 18.998, 7, 19, 18.99840322, &[1]),
    element("Ne", 20.18, 8, 20, 19.99244018, &[0]),
    element("Na", 22.99, 1, 23, 22.98976928, &[1, -1]),
    element("Mg", 24.305, 2, 24, 23.9850417, &[2, -1]),
    element("Al", 26.982, 3, 27, 26.98153863, &[3]),
    element("Si", 28.086, 4, 28, 27.97692653, &[4]),
    element("P", 30.974, 5, 31, 30.97376163, &[3, 5]),
    element("S", 32.067, 6, 32, 31.972071, &[2, 4, 6]),
    element("Cl", 35.453, 7, 35, 34.96885268, &[1]),
    element("Ar", 39.948, 8, 40, 39.96238312, &[0]),
    element("K", 39.098, 1, 39, 38.96370668, &[1, -1]),
    element("Ca", 40.078, 2, 40, 39.96259098, &[2, -1]),
    element("Sc", 44.956, 3, 45, 44.9559119, &[-1]),
    element("Ti", 47.867, 4, 48, 47.9479463, &[-1]),
    element("V", 50.944, 5, 51, 50.9439595, &[-1]),
    element("Cr", 51.996, 6, 52, 51.9405075, &[-1]),
    element("Mn", 54.938, 7, 55, 54.9380451, &[-1]),
    element("Fe", 55.845, 8, 56, 55.9349375, &[-1]),
    element("Co", 58.933, 9, 59, 58.933195, &[-1]),
    element("Ni", 58.693, 10, 58, 57.9353429, &[-1]),
    element("Cu", 63.546, 11, 63, 62.9295975, &[-1]),
    element("Zn", 65.39, 2, 64, 63.9291422, &[-1]),
    element("Ga", 69.723, 3, 69, 68.9255736, &[3]),
    element("Ge", 72.61, 4, 74, 73.9211778, &[4]),
    element("As", 74.922, 5, 75, 74.9215965, &[3, 5]),
    element("Se", 78.96, 6, 80, 79.9165213, &[2, 4, 6]),
    element("Br", 79.904, 7, 79, 78.9183371, &[1]),
    element("Kr", 83.8, 8, 84, 83.911507, &[0]),
    element("Rb", 85.468, 1, 85, 84.91178974, &[1, -1]),
    element("Sr", 87.62, 2, 88, 87.9056121, &[2, -1]),
    element("Y", 88.906, 3, 89, 88.9058483, &[-1]),
    element("Zr", 91.224, 4, 90, 89.9047044, &[-1]),
    element("Nb", 92.906, 5, 93, 92.9063781, &[-1]),
    element("Mo", 95.94, 6, 98, 97.9054082, &[-1]),
    element("Tc", 98.0, 7, 97, 96.906365, &[-1]),
    element("Ru", 101.07, 8, 102, 101.9043493, &[-1]),
    element("Rh", 102.906, 9, 103, 102.905504, &[-1]),
    element("Pd", 106.42, 10, 106, 105.903486, &[-1]),
    element("Ag", 107.868, 11, 107, 106.905097, &[-1]),
    element("Cd", 112.412, 2, 114, 113.9033585, &[-1]),
    element("In", 114.818, 3, 115, 114.903878, &[3]),
    element("Sn", 118.711, 4, 120, 119.9021947, &[2, 4]),
    element("Sb", 121.76, 5, 121, 120.9038157, &[3, 5]),
    element("Te", 127.6, 6, 130, 129.9062244, &[2, 4, 6]),
    element("I", 126.904, 7, 127, 126.904473, &[1, 3, 5]),
    element("Xe", 131.29, 8, 132, 131.9041535, &[0, 2, 4, 6]),
    element("Cs", 132.905, 1, 133, 132.9054519, &[1]),
    element("Ba", 137.328, 2, 138, 137.9052472, &[2, -1]),
    element("La", 138.906, 3, 139, 138.9063533, &[-1]),
    element("Ce", 140.116, 4, 140, 139.9054387, &[-1]),
    element("Pr", 140.908, 3, 141, 140.9076528, &[-1]),
    element("Nd", 144.24, 4, 142, 141.9077233, &[-1]),
    element("Pm", 145.0, 5, 145, 144.912749, &[-1]),
    element("Sm", 150.36, 6, 152, 151.9197324, &[-1]),
    element("Eu", 151.964, 7, 153, 152.9212303, &[-1]),
    element("Gd", 157.25, 8, 158, 157.9241039, &[-1]),
    element("Tb", 158.925, 9, 159, 158.9253468, &[-1]),
    element("Dy", 162.5, 10, 164, 163.9291748, &[-1]),
    element("Ho", 164.93, 11, 165, 164.9303221, &[-1]),
    element("Er", 167.26, 12, 166, 165.9302931, &[-1]),
    element("Tm", 168.934, 13, 169, 168.9342133, &[-1]),
    element("Yb", 173.04, 14, 174, 173.9388621, &[-1]),
    element("Lu", 174.967, 15, 175, 174.9407718, &[-1]),
    element("Hf", 178.49, 4, 180, 179.94655, &[-1]),
    element("Ta", 180.948, 5, 181, 180.9479958, &[-1]),
    element("W", 183.84, 6, 184, 183.9509312, &[-1]),
    element("Re", 186.207, 7, 187, 186.9557531, &[-1]),
    element("Os", 190.23, 8, 192, 191.9614807, &[-1]),
    element("Ir", 192.217, 9, 193, 192.9629264, &[-1]),
    element("Pt", 195.078, 10, 195, 194.9647911, &[-1]),
    element("Au", 196.967, 11, 197, 196.9665687, &[-1]),
    element("Hg", 200.59, 2, 202, 201.970643, &[-1]),
    element("Tl", 204.383, 3, 205, 204.9744275, &[-1]),
    element("Pb", 207.2, 4, 208, 207.9766521, &[2, 4]),
    element("Bi", 208.98, 5, 209, 208.9803987, &[3, 5]),
    element("Po", 209.0, 6, 209, 208.9824304, &[2, 4, 6]),
    element("At", 210.0, 7, 210, 209.987148, &[1, 3, 5]),
    element("Rn", 222.0, 8, 222, 222.0175706, &[0]),
    element("Fr", 223.0, 1, 223, 223.0197359, &[1]),
    element("Ra", 226.0, 2, 226, 226.0254026, &[2, -1]),
    element("Ac", 227.0, 3, 227, 227.0277521, &[-1]),
    element("Th", 232.038, 4, 232, 232.0380553, &[-1]),
    element("Pa", 231.036, 3, 231, 231.035884, &[-1]),
    element("U", 238.029, 4, 238, 238.0507882, &[-1]),
    element("Np", 237.0, 5, 236, 236.04657, &[-1]),
    element("Pu", 244.0, 6, 238, 238.0495599, &[-1]),
    element("Am", 243.0, 7, 241, 241.0568291, &[-1]),
    element("Cm", 247.0, 8, 243, 243.0613891, &[-1]),
    element("Bk", 247.0, 9, 247, 247.070307, &[-1]),
    element("Cf", 251.0, 10, 249, 249.0748535, &[-1]),
    element("Es", 252.0, 11, 252, 252.08298, &[-1]),
    element("Fm", 257.0, 12, 257, 257.095105, &[-1]),
    element("Md", 258.0, 13, 258, 258.098431, &[-1]),
    element("No", 259.0, 14, 259, 259.10103, &[-1]),
    element("Lr", 262.0, 15, 262, 262.10963, &[-1]),
    element("Rf", 267.0, 2, 267, 267.12153, &[-1]),
    element("Db", 268.0, 2, 268, 268.12545, &[-1]),
    element("Sg", 269.0, 2, 271, 271.13347, &[-1]),
    element("Bh", 270.0, 2, 270, 270.13362, &[-1]),
    element("Hs", 269.0, 2, 269, 269.13406, &[-1]),
    element("Mt", 278.0, 2, 278, 278.15481, &[-1]),
    element("Ds", 281.0, 2, 281, 281.16206, &[-1]),
    element("Rg", 281.0, 2, 281, 281.16537, &[-1]),
    element("Cn", 285.0, 2, 285, 285.17411, &[-1]),
    element("Nh", 284.0, 2, 284, 284.17873, &[-1]),
    element("Fl", 289.0, 2, 289, 289.19042, &[-1]),
    element("Mc", 288.0, 2, 288, 288.19274, &[-1]),
    element("Lv", 293.0, 2, 293, 293.20449, &[-1]),
    element("Ts", 292.0, 2, 292, 292.20746, &[-1]),
    element("Og", 294.0, 2, 294, 294.21392, &[-1]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_order() {
        assert_eq!(Element::of(6).symbol, "C");
        assert_eq!(Element::of(118).symbol, "Og");
        assert_eq!(Element::of(200).symbol, "*");
        assert_eq!(Element::number("Zn"), Some(30));
        assert_eq!(Element::of(16).valences, [2, 4, 6]);
        assert!(Element::of(8).common_mass > 15.99 && Element::of(8).common_mass < 16.0);
    }
}
