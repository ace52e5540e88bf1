//! A molecule as SVG.

use super::bonds::BondPainter;
use super::canvas::{Anchor, Canvas};
use super::colour::{INDEX, INK, diverging, of_element};
use super::label::{self, Label, Part};
use super::plane::{Point, largest_gap};
use super::sheet::{DepictError, coordinates};
use crate::Molecule;
use crate::adjacency::Adjacency;
use crate::perceive;
use crate::smiles;

/// Pixels of one bond length.
pub(super) const BOND: f64 = 32.0;
/// Font size of atom labels, in pixels.
const FONT: f64 = 14.0;
/// Space around the drawing.
const MARGIN: f64 = 24.0;
/// Height of the legend.
const LEGEND: f64 = 34.0;
/// Font size of the caption.
const CAPTION: f64 = 12.0;
/// Narrowest picture, wide enough for the legend.
const NARROWEST: f64 = 150.0;

/// What a picture shows besides the molecule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SvgOptions {
    /// Atom indices, 0-based, as everywhere in this crate.
    pub indices: bool,
    /// One value per atom, shown as a coloured disc: white at 0, orange above, blue
    /// below; the largest absolute value has the full colour.
    pub values: Option<Vec<f64>>,
    /// Leaves out the scale of the values.
    pub hide_legend: bool,
    /// Text below the drawing.
    pub caption: String,
}

/// Draws a molecule.
///
/// The layout is that of [`coordinates`]; bonds are those of a Kekulé form; wedges show
/// every tetrahedral centre whose chirality the molecule states, and crossed double bonds
/// a geometry that is stated to be unknown. The picture is one self-contained element
/// with a title (the molecule's name, or its formula) and a description (its SMILES).
///
/// # Errors
/// Too many atoms, or values that do not fit the atoms.
///
/// ```
/// use dd_mol::{depict, smiles};
/// let ethanol = smiles::parse("CCO ethanol")?;
/// let svg = depict::svg(&ethanol, &depict::SvgOptions::default())?;
/// assert!(svg.contains("<title>ethanol</title>") && svg.contains(">O</text>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn svg(molecule: &Molecule, options: &SvgOptions) -> Result<String, DepictError> {
    let places = coordinates(molecule)?;
    let peak = options
        .values
        .as_deref()
        .map(|values| peak(values, places.len()))
        .transpose()?;
    let places: Vec<Point> = places.into_iter().map(|[x, y]| Point::new(x, y)).collect();
    let adjacency = Adjacency::of(molecule);
    let labels = Labels::new(molecule, &adjacency, &places, options.values.is_some());
    let mut low = Point::new(f64::INFINITY, f64::INFINITY);
    let mut high = Point::new(f64::NEG_INFINITY, f64::NEG_INFINITY);
    for (atom, place) in places.iter().enumerate() {
        let mut around = labels.rectangles(atom, screen(*place));
        around.push([screen(*place), screen(*place)]);
        for [from, to] in around {
            low = Point::new(low.x.min(from.x), low.y.min(from.y));
            high = Point::new(high.x.max(to.x), high.y.max(to.y));
        }
    }
    if places.is_empty() {
        (low, high) = (Point::default(), Point::default());
    }
    let drawn = high - low + Point::new(2.0 * MARGIN, 2.0 * MARGIN);
    let width = drawn.x.max(NARROWEST);
    let shift = Point::new((width - high.x - low.x) / 2.0, MARGIN - low.y);
    let at: Vec<Point> = places.iter().map(|&place| screen(place) + shift).collect();

    let mut canvas = Canvas::default();
    if let (Some(values), Some(peak)) = (&options.values, peak) {
        for (&point, value) in at.iter().zip(values) {
            canvas.circle(point, 0.4 * BOND, &diverging(value / peak));
        }
    }
    let orders = perceive::kekule_orders(molecule)
        .unwrap_or_else(|_| molecule.bonds().map(|bond| bond.bond.order).collect());
    let painter = BondPainter::new(molecule, &adjacency, &orders, &places, &at);
    painter.paint(&mut canvas, |atom| labels.rectangles(atom, at[atom]));
    for (atom, &point) in at.iter().enumerate() {
        labels.paint(&mut canvas, atom, point);
        if options.indices {
            let place = labels.index_place(atom, &places, &adjacency, point);
            canvas.words(
                &[Part::Plain(atom.to_string())],
                place,
                Anchor::Middle,
                9.0,
                INDEX,
            );
        }
    }
    let mut height = drawn.y;
    if let (Some(values), Some(peak), false) = (&options.values, peak, options.hide_legend) {
        let signed = values.iter().any(|&value| value < 0.0);
        legend(
            &mut canvas,
            Point::new(width / 2.0, height - 6.0),
            peak,
            signed,
        );
        height += LEGEND - 6.0;
    }
    for line in lines(&options.caption, width) {
        let place = Point::new(width / 2.0, height - 4.0);
        canvas.words(&[Part::Plain(line)], place, Anchor::Middle, CAPTION, INK);
        height += CAPTION + 4.0;
    }
    let formula = molecule.formula();
    let title = if molecule.name().is_empty() {
        &formula
    } else {
        molecule.name()
    };
    let description = format!("{formula}, {}", smiles::write(molecule));
    Ok(canvas.finish(Point::new(width, height), title, &description))
}

/// A text broken into lines that fit a width.
fn lines(text: &str, width: f64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for c in text.chars() {
        line.push(c);
        if CAPTION * label::width(&[Part::Plain(line.clone())]) > width - CAPTION {
            lines.push(std::mem::take(&mut line));
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The largest absolute value, 1 when all are zero.
fn peak(values: &[f64], atoms: usize) -> Result<f64, DepictError> {
    if values.len() != atoms {
        return Err(DepictError::ValueCount {
            found: values.len(),
            atoms,
        });
    }
    if let Some(atom) = values.iter().position(|value| !value.is_finite()) {
        return Err(DepictError::ValueNotFinite { atom });
    }
    let peak = values
        .iter()
        .fold(0.0_f64, |peak, value| peak.max(value.abs()));
    Ok(if peak > 0.0 { peak } else { 1.0 })
}

fn screen(place: Point) -> Point {
    Point::new(place.x * BOND, -place.y * BOND)
}

/// A bar of the colours with the values at its ends and in its middle.
fn legend(canvas: &mut Canvas, top: Point, peak: f64, signed: bool) {
    const STEPS: i32 = 20;
    const WIDTH: f64 = 100.0;
    let low = if signed { -1.0 } else { 0.0 };
    let step = WIDTH / f64::from(STEPS);
    for index in 0..STEPS {
        let share = (f64::from(index) + 0.5) / f64::from(STEPS);
        let corner = Point::new(top.x - WIDTH / 2.0 + step * f64::from(index), top.y);
        let size = Point::new(step + 0.3, 8.0);
        canvas.rectangle(corner, size, &diverging(low + (1.0 - low) * share));
    }
    let ticks: &[f64] = if signed {
        &[-1.0, 0.0, 1.0]
    } else {
        &[0.0, 1.0]
    };
    for tick in ticks {
        let share = (tick - low) / (1.0 - low);
        let place = Point::new(top.x + WIDTH * (share - 0.5), top.y + 16.0);
        let text = Part::Plain(short(tick * peak));
        canvas.words(&[text], place, Anchor::Middle, 10.0, INK);
    }
}

/// A number with three significant digits.
fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    let text = match digits {
        0..=6 => format!("{value:.*}", digits as usize),
        _ => format!("{value:.2e}"),
    };
    text.replace('-', "\u{2212}")
}

/// Where the hydrogens of a label stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Right,
    Left,
    Above,
    Below,
}

struct Labels {
    labels: Vec<Option<(Label, Side, &'static str)>>,
}

impl Labels {
    /// On coloured discs all labels are black, to stay readable.
    fn new(molecule: &Molecule, adjacency: &Adjacency, places: &[Point], black: bool) -> Self {
        let of_atom = |(index, atom): (usize, &crate::Atom)| {
            let label = label::label(atom, adjacency.degree(index))?;
            let bonds = adjacency.neighbors(index).iter();
            let towards: Vec<Point> = bonds
                .map(|step| (places[step.atom] - places[index]).unit())
                .collect();
            let colour = if black {
                INK
            } else {
                of_element(atom.atomic_number)
            };
            Some((label, side(&towards), colour))
        };
        Self {
            labels: molecule.atoms().enumerate().map(of_atom).collect(),
        }
    }

    /// The parts of a label with their horizontal start, relative to the atom, and row.
    fn rows(label: &Label, side: Side) -> Vec<(Vec<Part>, f64, f64)> {
        let half = FONT * label.symbol_width() / 2.0;
        let symbol = vec![Part::Plain(label.symbol.clone())];
        let mut before = label.isotope.clone();
        let mut after = label.marks.clone();
        let mut rows = Vec::new();
        match side {
            Side::Right => after = [label.hydrogens.clone(), after].concat(),
            Side::Left => before = [label.hydrogens.clone(), before].concat(),
            Side::Above | Side::Below => {
                let row = if side == Side::Above {
                    -0.85 * FONT
                } else {
                    0.9 * FONT
                };
                let start = label.hydrogens.first().map_or(0.0, |first| {
                    FONT * label::width(std::slice::from_ref(first)) / 2.0
                });
                rows.push((label.hydrogens.clone(), -start, row));
            }
        }
        rows.push((symbol, -half, 0.0));
        rows.push((before.clone(), -half - FONT * label::width(&before), 0.0));
        rows.push((after, half, 0.0));
        rows.retain(|(parts, _, _)| !parts.is_empty());
        rows
    }

    /// Corners of what a label covers; none without a label.
    fn rectangles(&self, atom: usize, at: Point) -> Vec<[Point; 2]> {
        let Some((label, side, _)) = &self.labels[atom] else {
            return Vec::new();
        };
        let rectangle = |(parts, start, row): (Vec<Part>, f64, f64)| {
            let corner = at + Point::new(start - 2.0, row - 0.36 * FONT - 2.5);
            [
                corner,
                corner + Point::new(FONT * label::width(&parts) + 4.0, 0.72 * FONT + 5.0),
            ]
        };
        Self::rows(label, *side)
            .into_iter()
            .map(rectangle)
            .collect()
    }

    fn paint(&self, canvas: &mut Canvas, atom: usize, at: Point) {
        let Some((label, side, colour)) = &self.labels[atom] else {
            return;
        };
        let half = FONT * label.symbol_width() / 2.0;
        for (parts, start, row) in Self::rows(label, *side) {
            // Anchored so that other fonts keep the symbol on the atom.
            let (x, anchor) = if row == 0.0 && start < -half - 1e-9 {
                (-half, Anchor::End)
            } else if row == 0.0 && start < 0.0 {
                (0.0, Anchor::Middle)
            } else {
                (start, Anchor::Start)
            };
            canvas.words(&parts, at + Point::new(x, row), anchor, FONT, colour);
        }
    }

    /// Where an atom index fits: in the widest gap between the bonds.
    fn index_place(
        &self,
        atom: usize,
        places: &[Point],
        adjacency: &Adjacency,
        at: Point,
    ) -> Point {
        let bonds = adjacency.neighbors(atom).iter();
        let (start, gap) = largest_gap(bonds.map(|step| places[step.atom] - places[atom]));
        let direction = Point::at_angle(start + gap / 2.0);
        let direction = Point::new(direction.x, -direction.y);
        let covered = self.rectangles(atom, at);
        let free = |distance: &f64| {
            let place = at + direction * *distance;
            covered.iter().all(|[from, to]| {
                place.x + 5.0 < from.x
                    || place.x - 5.0 > to.x
                    || place.y + 4.0 < from.y
                    || place.y - 4.0 > to.y
            })
        };
        let distance = (4..16).map(|step| 2.5 * f64::from(step)).find(free);
        at + direction * distance.unwrap_or(14.0)
    }
}

/// The side of an atom that its bonds leave free for the hydrogens: a side of the line
/// if possible, for labels are read along it.
fn side(bonds: &[Point]) -> Side {
    const NEAR: f64 = 0.75;
    let nearest = |side: Point| bonds.iter().map(|bond| bond.dot(side)).fold(-1.0, f64::max);
    let right = nearest(Point::new(1.0, 0.0));
    let left = nearest(Point::new(-1.0, 0.0));
    let sum: f64 = bonds.iter().map(|bond| bond.x).sum();
    match (right < NEAR, left < NEAR) {
        (true, true) if sum > 0.1 => Side::Left,
        (true, _) => Side::Right,
        (_, true) => Side::Left,
        _ if nearest(Point::new(0.0, 1.0)) <= nearest(Point::new(0.0, -1.0)) => Side::Above,
        _ => Side::Below,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hydrogens_stand_where_no_bond_is() {
        let at = |degrees: f64| Point::at_angle(degrees.to_radians());
        assert_eq!(side(&[]), Side::Right);
        assert_eq!(side(&[at(150.0)]), Side::Right);
        assert_eq!(side(&[at(30.0)]), Side::Left);
        assert_eq!(side(&[at(-30.0), at(-150.0)]), Side::Above);
        assert_eq!(side(&[at(30.0), at(150.0)]), Side::Below);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(short(0.0), "0");
        assert_eq!(short(-0.123_456), "\u{2212}0.123");
        assert_eq!(short(12.345), "12.3");
        assert_eq!(short(1.0e9), "1.00e9");
    }
}
