//! A fragment put together: ring blocks and chains, from the root outwards.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_3, FRAC_PI_6, PI, TAU};

use super::limbs::Limbs;
use super::plane::{Point, largest_gap};
use super::sketch::Sketch;

/// Spacing beside a zigzag: three bonds share what 120 degrees leave of the circle.
const BESIDE_ZIGZAG: f64 = 4.0 * PI / 9.0;
/// What it costs when a chain does not go on in zigzag.
const FOLDED: f64 = 0.3;

/// A limb to be placed: its first block, drawn by itself, seen from the pivot.
struct Piece {
    limb: usize,
    /// Atoms of the first block without the pivot.
    atoms: Vec<usize>,
    /// Their positions when the pivot is the origin and the block lies along the x axis.
    points: Vec<Point>,
    /// Angle that the block takes at the pivot.
    width: f64,
}

/// One way to place the pieces at an atom: the angle of each, and whether mirrored.
type Arrangement = Vec<(f64, bool)>;

/// Places all atoms of a fragment; `rings_of` gives the rings that lie in a limb's block.
pub(super) fn assemble<'r>(
    sketch: &mut Sketch<'_>,
    limbs: &Limbs,
    rings_of: impl Fn(usize) -> Vec<&'r [u32]>,
) {
    sketch.place(limbs.order[0], Point::default());
    // Parents come before what hangs on them, but a block is placed whole: by blocks.
    let mut ready = vec![limbs.order[0]];
    while let Some(atom) = ready.pop() {
        let mut pieces: Vec<Piece> = limbs.of_atom[atom]
            .iter()
            .map(|&limb| piece(sketch, limbs, limb, &rings_of))
            .collect();
        // Rings first, then the longest chain.
        pieces.sort_by_key(|piece| {
            let limb = &limbs.limbs[piece.limb];
            std::cmp::Reverse((!limb.is_chain(), limb.depth, limb.size()))
        });
        let mut rest = &pieces[..];
        if sketch.directions(atom).is_empty() && rest.first().is_some_and(|p| p.width > 0.0) {
            put(sketch, atom, &rest[0], (-FRAC_PI_2, false));
            rest = &rest[1..];
        }
        if !rest.is_empty() {
            let arrangement = best_arrangement(sketch, limbs, atom, rest);
            for (piece, how) in rest.iter().zip(arrangement) {
                put(sketch, atom, piece, how);
            }
        }
        ready.extend(
            pieces
                .iter()
                .rev()
                .flat_map(|piece| piece.atoms.iter().rev()),
        );
    }
}

fn piece<'r>(
    sketch: &mut Sketch<'_>,
    limbs: &Limbs,
    limb: usize,
    rings_of: &impl Fn(usize) -> Vec<&'r [u32]>,
) -> Piece {
    if limbs.limbs[limb].is_chain() {
        return Piece {
            limb,
            atoms: limbs.limbs[limb].block.clone(),
            points: vec![Point::new(1.0, 0.0)],
            width: 0.0,
        };
    }
    let (block, points) = sketch.block(limbs, limb, &rings_of(limb));
    let around = block.neighbors[0]
        .iter()
        .map(|&other| points[other] - points[0]);
    let (start, gap) = largest_gap(around);
    let turn = -(start + gap / 2.0 + PI);
    Piece {
        limb,
        atoms: block.atoms[1..].to_vec(),
        points: points[1..]
            .iter()
            .map(|&point| (point - points[0]).rotated(turn))
            .collect(),
        width: TAU - gap,
    }
}

fn placed_points(piece: &Piece, at: Point, (angle, mirrored): (f64, bool)) -> Vec<Point> {
    let turned = |point: &Point| {
        let y = if mirrored { -point.y } else { point.y };
        at + Point::new(point.x, y).rotated(angle)
    };
    piece.points.iter().map(turned).collect()
}

fn put(sketch: &mut Sketch<'_>, atom: usize, piece: &Piece, how: (f64, bool)) {
    let points = placed_points(piece, sketch.points[atom], how);
    for (&of, point) in piece.atoms.iter().zip(points) {
        sketch.place(of, point);
    }
}

fn best_arrangement(
    sketch: &mut Sketch<'_>,
    limbs: &Limbs,
    atom: usize,
    pieces: &[Piece],
) -> Arrangement {
    let mut best: Option<(f64, Arrangement)> = None;
    for arrangement in arrangements(sketch, limbs, atom, pieces) {
        let mut cost = folding(sketch, atom, &arrangement);
        for (piece, &how) in pieces.iter().zip(&arrangement) {
            for (&of, point) in
                piece
                    .atoms
                    .iter()
                    .zip(placed_points(piece, sketch.points[atom], how))
            {
                cost += sketch.crowding(point, atom);
                sketch.points[of] = point;
            }
        }
        let known =
            |of: usize| sketch.placed[of] || pieces.iter().any(|piece| piece.atoms.contains(&of));
        if sketch.contradicts(atom, known) {
            cost += 1000.0;
        }
        if best.as_ref().is_none_or(|(least, _)| cost < least - 1e-6) {
            best = Some((cost, arrangement));
        }
    }
    best.map_or_else(
        || vec![(0.0, false); pieces.len()],
        |(_, arrangement)| arrangement,
    )
}

/// The ways that come into question, the one to prefer first.
fn arrangements(
    sketch: &Sketch<'_>,
    limbs: &Limbs,
    atom: usize,
    pieces: &[Piece],
) -> Vec<Arrangement> {
    let directions = sketch.directions(atom);
    let chains = pieces.iter().all(|piece| piece.width == 0.0);
    match &directions[..] {
        [] => vec![around_root(sketch, atom, pieces.len())],
        [back] if chains => {
            let goes_on = limbs.limbs[pieces[0].limb].size() > 1;
            along_chain(sketch, atom, back.angle() + PI, pieces.len(), goes_on)
        }
        _ => in_gap(directions.iter().copied(), pieces),
    }
}

fn around_root(sketch: &Sketch<'_>, atom: usize, count: usize) -> Arrangement {
    let angles: Vec<f64> = match count {
        1 => vec![-FRAC_PI_6],
        2 if sketch.is_linear(atom) => vec![0.0, PI],
        2 => vec![-FRAC_PI_6, PI + FRAC_PI_6],
        3 => vec![-FRAC_PI_6, PI + FRAC_PI_6, FRAC_PI_2],
        _ => (0..count)
            .map(|index| TAU * index as f64 / count as f64)
            .collect(),
    };
    angles.into_iter().map(|angle| (angle, false)).collect()
}

/// Limbs behind an atom that is reached by one bond in direction `ahead`.
fn along_chain(
    sketch: &Sketch<'_>,
    atom: usize,
    ahead: f64,
    count: usize,
    goes_on: bool,
) -> Vec<Arrangement> {
    let both_sides = |offsets: &[f64]| -> Vec<Arrangement> {
        [1.0, -1.0]
            .into_iter()
            .map(|side| {
                offsets
                    .iter()
                    .map(|offset| (ahead + side * offset, false))
                    .collect()
            })
            .collect()
    };
    match count {
        1 if sketch.is_linear(atom) => vec![vec![(ahead, false)]],
        1 => both_sides(&[FRAC_PI_3]),
        2 => both_sides(&[FRAC_PI_3, -FRAC_PI_3]),
        3 if goes_on => {
            let near = FRAC_PI_3 - BESIDE_ZIGZAG;
            let mut all = both_sides(&[FRAC_PI_3, near, near - BESIDE_ZIGZAG]);
            all.extend(both_sides(&[FRAC_PI_3, near - BESIDE_ZIGZAG, near]));
            all
        }
        _ => {
            let spacing = TAU / (count as f64 + 1.0);
            // The largest straight ahead, the others beside it in turn.
            let offset = |index: usize| {
                let steps = index.div_ceil(2) as f64;
                if index.is_multiple_of(2) {
                    steps * spacing
                } else {
                    -steps * spacing
                }
            };
            let even = if count.is_multiple_of(2) {
                spacing / 2.0
            } else {
                0.0
            };
            both_sides(
                &(0..count)
                    .map(|index| offset(index) + even)
                    .collect::<Vec<_>>(),
            )
        }
    }
}

/// Limbs spread over the widest gap between the bonds that are drawn, in every order of
/// up to three, blocks either way up.
fn in_gap(directions: impl Iterator<Item = Point>, pieces: &[Piece]) -> Vec<Arrangement> {
    let (start, gap) = largest_gap(directions);
    let taken: f64 = pieces.iter().map(|piece| piece.width).sum();
    let spacing = (gap - taken) / (pieces.len() as f64 + 1.0);
    let mut all = Vec::new();
    for order in orders(pieces.len()) {
        let mut arrangement = vec![(0.0, false); pieces.len()];
        let mut angle = start;
        for index in order {
            angle += spacing + pieces[index].width / 2.0;
            arrangement[index].0 = angle;
            angle += pieces[index].width / 2.0;
        }
        all.push(arrangement);
    }
    let blocks: Vec<usize> = (0..pieces.len())
        .filter(|&index| pieces[index].width > 0.0)
        .collect();
    for &block in blocks.iter().take(2) {
        for mut mirrored in all.clone() {
            mirrored[block].1 = true;
            all.push(mirrored);
        }
    }
    all
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    match count {
        2 => vec![vec![0, 1], vec![1, 0]],
        3 => [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ]
        .map(|order| order.to_vec())
        .to_vec(),
        _ => vec![(0..count).collect()],
    }
}

/// What it costs when the first limb lies on the side of the chain before it.
fn folding(sketch: &Sketch<'_>, atom: usize, arrangement: &Arrangement) -> f64 {
    let at = sketch.points[atom];
    let mut placed = sketch
        .adjacency
        .neighbors(atom)
        .iter()
        .filter(|step| sketch.placed[step.atom]);
    let (Some(parent), None) = (placed.next(), placed.next()) else {
        return 0.0;
    };
    let origin = sketch.points[parent.atom];
    let axis = at - origin;
    let side = axis.cross(Point::at_angle(arrangement[0].0));
    let before = sketch.adjacency.neighbors(parent.atom).iter();
    let mut before = before.filter(|step| step.atom != atom && sketch.placed[step.atom]);
    let Some(reference) = before.next() else {
        return 0.0;
    };
    let other = axis.cross(sketch.points[reference.atom] - origin);
    if side * other > 1e-9 { FOLDED } else { 0.0 }
}
