"""Writes the table, the list of failures and the statistics of the data card."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import statistics
from collections import Counter
from pathlib import Path

from rdkit import Chem

import geometry
from chemspace import scaffold

TABLE = "small_organics.csv.gz"
FAILURES = "failures.csv"
BEGIN, END = "<!-- statistics: written by generate.py -->", "<!-- end of statistics -->"
COLUMNS = ["id", "smiles", "n_atoms", "symbols", "xyz_angstrom", "bonds", "charges", "gap_ev", "dipole_debye"]
ORDERS = {Chem.BondType.SINGLE: "", Chem.BondType.DOUBLE: ":2", Chem.BondType.TRIPLE: ":3"}


def number(value, decimals):
    """Fixed point without trailing zeros."""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def row(identifier, record):
    """One line of the table. Atoms: heavy atoms in SMILES order, then hydrogens; bonds kekulized."""
    mol = Chem.AddHs(Chem.MolFromSmiles(record["smiles"]))
    Chem.Kekulize(mol, clearAromaticFlags=True)
    bonds = sorted((*sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx())), ORDERS[b.GetBondType()]) for b in mol.GetBonds())
    charged = [(a.GetIdx(), a.GetFormalCharge()) for a in mol.GetAtoms() if a.GetFormalCharge()]
    return [
        identifier,
        record["smiles"],
        mol.GetNumAtoms(),
        "".join(a.GetSymbol() for a in mol.GetAtoms()),
        " ".join(number(x, geometry.DECIMALS) for p in record["xyz"] for x in p),
        ";".join(f"{i}-{j}{order}" for i, j, order in bonds),
        ";".join(f"{i}:{charge:+d}" for i, charge in charged),
        f"{record['gap_ev']:.5f}",
        f"{record['dipole_debye']:.4f}",
    ]


def write_table(rows, path):
    """CSV with Unix line ends, compressed without name and time so that the bytes depend on the rows only."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    with open(path, "wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=9) as out:
        out.write(text.getvalue().encode("ascii"))


def markdown(header, rows):
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def spread(name, values, decimals):
    v = sorted(values)
    cells = (v[0], v[len(v) // 4], statistics.median(v), statistics.mean(v), v[3 * len(v) // 4], v[-1], statistics.stdev(v))
    return [name, *(f"{x:.{decimals}f}" for x in cells)]


def card(good, bad, digest, size):
    """The statistics section of README.md."""
    mols = {r["smiles"]: Chem.MolFromSmiles(r["smiles"]) for r in good}
    scaffolds = Counter(scaffold(s) for s in mols)
    groups = [n for key, n in scaffolds.items() if key]
    elements = Counter(e for m in mols.values() for e in {a.GetSymbol() for a in m.GetAtoms()})
    heavy = Counter(m.GetNumHeavyAtoms() for m in mols.values())
    reasons = Counter(f["failure"].split(" ")[0].rstrip(":") for f in bad)
    count = lambda test: sum(1 for m in mols.values() if test(m))
    aromatic = count(lambda m: any(a.GetIsAromatic() for a in m.GetAtoms()))
    double = count(lambda m: any(b.GetStereo() > Chem.BondStereo.STEREOANY for b in m.GetBonds()))
    tall = ["quantity", "minimum", "lower quartile", "median", "mean", "upper quartile", "maximum", "standard deviation"]
    top = sorted(scaffolds.items(), key=lambda item: (-item[1], item[0]))[:15]
    atoms = [len(r["xyz"]) for r in good]
    seconds = sum(r["seconds"] for r in good + bad)
    parts = [
        f"- molecules attempted {len(good) + len(bad)}, kept **{len(good)}**, failed {len(bad)}"
        + (" (" + ", ".join(f"{k}: {v}" for k, v in sorted(reasons.items())) + f"; each in `{FAILURES}`)" if bad else ""),
        f"- sha256 of `{TABLE}` ({size:,} bytes): `{digest}`",
        f"- scaffolds (Bemis-Murcko, without stereo): {len(scaffolds)} counting open chains as one; open chains {scaffolds['']} "
        f"molecules; the others {min(groups)} to {max(groups)} molecules each, median {statistics.median(groups):g}",
        f"- with an aromatic ring {aromatic}, with a tetrahedral or sulfur stereocentre {sum('@' in s for s in mols)}, "
        f"with an E or Z double bond {double}, with formal charges (nitro) {count(lambda m: any(a.GetFormalCharge() for a in m.GetAtoms()))}",
        f"- largest gradient component at the stored coordinates: {max(r['max_gradient'] for r in good):.1e} hartree/bohr "
        f"(median {statistics.median(r['max_gradient'] for r in good):.1e}); the optimiser stops at {geometry.TIGHT:g}, before rounding",
        f"- gradient evaluations {sum(r['evaluations'] for r in good):,}; wall time summed over molecules {seconds / 60:.0f} minutes "
        "(two to three processes, elapsed 50 minutes, on cores shared with other work)",
        "\n" + markdown(["element", *sorted(elements)], [["molecules", *(elements[e] for e in sorted(elements))]]),
        "\n" + markdown(["heavy atoms", *sorted(heavy)], [["molecules", *(heavy[n] for n in sorted(heavy))]]),
        "\n" + markdown(tall, [spread("gap_ev", [r["gap_ev"] for r in good], 3), spread("dipole_debye", [r["dipole_debye"] for r in good], 3),
                               spread("n_atoms", atoms, 1)]),
        "\n" + markdown(["most common scaffold", "molecules"], [[f"`{k}`" if k else "(open chain)", n] for k, n in top]),
    ]
    return "\n".join(parts)


def pack_step(molecules, done, output):
    """The table of the molecules, numbered in the order of the list; refuses while one of them is missing."""
    missing = set(molecules) - set(done)
    if missing:
        raise SystemExit(f"{len(missing)} molecules are not computed yet; run `compute` first")
    records = [(f"so{k:04d}", done[s]) for k, s in enumerate(molecules, 1)]
    good = [(i, r) for i, r in records if "failure" not in r]
    bad = [(i, r) for i, r in records if "failure" in r]
    output = Path(output)
    write_table([row(*item) for item in good], output / TABLE)
    with open(output / FAILURES, "w", encoding="ascii", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([["id", "smiles", "reason"], *([i, r["smiles"], r["failure"]] for i, r in bad)])
    data = (output / TABLE).read_bytes()
    text = card([r for _, r in good], [r for _, r in bad], hashlib.sha256(data).hexdigest(), len(data))
    readme = output / "README.md"
    if readme.exists() and BEGIN in readme.read_text():
        before, rest = readme.read_text().split(BEGIN)
        readme.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")
    print(text)
