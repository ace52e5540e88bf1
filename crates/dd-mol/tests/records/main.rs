//! Records of structure files: what they say, and what is said of broken ones.

mod content;
mod malformed;

/// Ethanol with heavy atoms only.
pub(crate) const ETHANOL: &str = "\
ethanol
  dd-mol            3D

  3  2  0  0  0  0  0  0  0  0999 V2000
   -0.9000    0.2000    0.1000 C   0  0  0  0  0  0
    0.4000   -0.5000    0.0000 C   0  0  0  0  0  0
    1.5000    0.4000    0.0000 O   0  0  0  0  0  0
  1  2  1  0
  2  3  1  0
M  END
";
