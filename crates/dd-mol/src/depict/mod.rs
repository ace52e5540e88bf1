//! Molecules as people draw them: coordinates in the plane, and SVG.
//!
//! [`coordinates`] lays a molecule out: ring systems by regular polygons where they fit
//! and by springs where they do not, chains in zigzag, stated double-bond geometry always
//! as stated; then limbs are flipped, turned or stretched until nothing collides.
//! [`svg()`] draws it; [`conformer`] gives the layout to whatever needs positions.
//!
//! Everything is deterministic, and nothing recurses on the input.

mod assembly;
mod block;
mod bonds;
mod canvas;
mod clash;
mod colour;
mod fuse;
mod geometry;
mod label;
mod limbs;
mod macrocycle;
mod plane;
mod relax;
mod resolve;
mod sheet;
mod sketch;
mod svg;
mod wedges;

pub use sheet::{DepictError, MAX_ATOMS, conformer, coordinates};
pub use svg::{SvgOptions, svg};
