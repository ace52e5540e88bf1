"""Compares every record of a folder of structure files as read here and by RDKit.

    cargo build --release -p dd-mol --example structure_records
    python benches/peers/rdkit_structure_files.py FOLDER [--merge] [--examples 3] [--only TEXT]

FOLDER is searched for .sdf .mol .mdl .xyz, gzipped or not, and for tables of conformers (.csv, of
which one row in --every is taken); a row of the report is one folder and one kind of file. Compared per record: read or not, title, data fields, positions, whether 2D or
3D, per atom element, isotope, charge, radicals, hydrogens, atom map, aromaticity, hybridisation,
chirality, per bond atoms, order, aromaticity, conjugation, stereo with its atoms, and the
groups of enhanced stereo. Hydrogens are kept, or with --merge merged. What this program writes
(V2000, V3000, XYZ) is read back by RDKit and compared with the record that RDKit read.
The exit status is 1 when a difference is left.
"""

import argparse
import collections
import csv
import gzip
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from rdkit import Chem, RDLogger

RDLogger.DisableLog("rdApp.*")
PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "target/release/examples/structure_records"
KINDS = {".sdf": "sdf", ".mol": "mol", ".mdl": "mol", ".xyz": "xyz", ".csv": "csv"}
# A frame is atoms and positions; RDKit's perception has not run on it.
FRAME = {"element", "positions", "title"}
# Here a merged hydrogen is counted; RDKit lets the valence model find it again.
MERGED = {"explicit hydrogens"}
TITLES = ["_Name", "_FileComments"]
TAGS = {"CHI_UNSPECIFIED": "", "CHI_TETRAHEDRAL_CW": "CW", "CHI_TETRAHEDRAL_CCW": "CCW"}
TAGS |= {"CHI_SQUAREPLANAR": "SP", "CHI_TRIGONALBIPYRAMIDAL": "TB", "CHI_OCTAHEDRAL": "OH"}


def tag(atom):
    name = TAGS.get(str(atom.GetChiralTag()), "other")
    if name in ("SP", "TB", "OH"):
        name += str(atom.GetProp("_chiralPermutation") if atom.HasProp("_chiralPermutation") else "?")
    return name


def stereo(bond):
    """The stereo and its atoms, which mean nothing where it is unknown."""
    name = str(bond.GetStereo())[6:]
    return name, (list(bond.GetStereoAtoms()) or None) if name != "ANY" else None


def group(group):
    kind = str(group.GetGroupType()).split("_")[-1].capitalize()
    return [kind, group.GetReadId(), [atom.GetIdx() for atom in group.GetAtoms()]]


ATOM = {
    "element": Chem.Atom.GetAtomicNum,
    "isotope": Chem.Atom.GetIsotope,
    "charge": Chem.Atom.GetFormalCharge,
    "radicals": Chem.Atom.GetNumRadicalElectrons,
    "hydrogens": Chem.Atom.GetTotalNumHs,
    "explicit hydrogens": Chem.Atom.GetNumExplicitHs,
    "no implicit": Chem.Atom.GetNoImplicit,
    "map": Chem.Atom.GetAtomMapNum,
    "aromatic atom": Chem.Atom.GetIsAromatic,
    "hybridization": lambda atom: str(atom.GetHybridization()),
    "chirality": tag,
}
BOND = {
    "ends": lambda bond: [bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()],
    "order": lambda bond: str(bond.GetBondType()),
    "aromatic bond": Chem.Bond.GetIsAromatic,
    "conjugated": Chem.Bond.GetIsConjugated,
    "stereo": lambda bond: stereo(bond)[0],
    "stereo atoms": lambda bond: stereo(bond)[1],
}
SKIPPED = collections.defaultdict(set, xyz={*ATOM, "3D", "properties", "groups"} - FRAME)


def known(molecule):
    """What RDKit knows of a molecule, in the words of `structure_records`."""
    conformer = molecule.GetConformer() if molecule.GetNumConformers() else None
    return {
        "title": next((molecule.GetProp(key) for key in TITLES if molecule.HasProp(key)), ""),
        "atoms": [{key: get(atom) for key, get in ATOM.items()} for atom in molecule.GetAtoms()],
        "bonds": [{key: get(bond) for key, get in BOND.items()} for bond in molecule.GetBonds()],
        "positions": conformer and conformer.GetPositions().tolist(),
        "3D": conformer and conformer.Is3D(),
        "properties": molecule.GetPropsAsDict(False, False, autoConvertStrings=False),
        "groups": sorted(map(group, molecule.GetStereoGroups())),
    }


def differences(ours, theirs, skipped=()):
    """The fields that differ, each with the first place and both values."""
    found = {}
    fields = {name: value for name, value in ours["properties"] if not name.startswith("_")}
    ours = dict(ours, properties=fields, groups=sorted(ours["groups"]))
    for key in ("title", "positions", "3D", "properties", "groups"):
        if key not in skipped and ours[key] != theirs[key]:
            found[key] = ("", ours[key], theirs[key])
    for part in ("atoms", "bonds"):
        if len(ours[part]) != len(theirs[part]):
            found[f"number of {part}"] = ("", len(ours[part]), len(theirs[part]))
            continue
        for index, (a, b) in enumerate(zip(ours[part], theirs[part])):
            for key in b:
                if key not in skipped and a[key] != b[key]:
                    found.setdefault(key, (f"{part[:-1]} {index}", a[key], b[key]))
    return found


def written(record, kind):
    """Differences between a record and what RDKit reads of it in each form that was written."""
    if kind == "xyz":
        molecule = Chem.MolFromXYZBlock(record["xyz"])
        molecule.UpdatePropertyCache(strict=False)
        return {f"XYZ written: {k}": v for k, v in differences(record, known(molecule), SKIPPED["xyz"]).items()}
    found = {}
    for form, rounded in (("V2000", {"positions"}), ("V3000", set())):
        text = record[form.lower()]
        if not isinstance(text, str):
            found[f"{form} not written: {text['error']}"] = ("", "", "")
            continue
        molecule = Chem.MolFromMolBlock(text, removeHs=False)
        # Wedges decide in which direction a bond is written, and the file which hydrogens are counts.
        skipped = {"properties", "ends", "explicit hydrogens", "no implicit"} | rounded
        lost = differences(record, known(molecule), skipped) if molecule else {"unreadable": ("", "", "")}
        found |= {f"{form} written: {key}": value for key, value in lost.items()}
    return found


def read_rdkit(path, kind, merge):
    if kind == "xyz":
        molecules = [Chem.MolFromXYZBlock(block) for block in frames(path.read_text())]
        for molecule in filter(None, molecules):
            molecule.UpdatePropertyCache(strict=False)
        return molecules
    if path.stat().st_size == 0:
        return []
    supplier = Chem.SDMolSupplier(str(path), removeHs=merge)
    return [supplier[index] for index in range(len(supplier))]


def frames(text):
    """The frames of an XYZ file, which RDKit reads one at a time."""
    lines = text.splitlines(True)
    while lines and lines[0].strip():
        count = int(lines[0]) + 2
        yield "".join(lines[:count])
        lines = lines[count:]


def blocks(table, every):
    """The rows of a table of conformers (symbols, xyz_angstrom, bonds, charges) as an SD file."""
    for number, row in enumerate(csv.DictReader(io.StringIO(table.decode()))):
        if number % every or "xyz_angstrom" not in row:
            continue
        symbols = re.findall("[A-Z][a-z]?", row["symbols"])
        numbers = [float(word) for word in row["xyz_angstrom"].split()]
        bonds = [re.split("[-:]", bond) for bond in row["bonds"].split(";") if bond]
        charges = [charge.split(":") for charge in row["charges"].split(";") if charge]
        yield f"{number}\n{' ' * 20}3D\n\n{len(symbols):3}{len(bonds):3}{'  0' * 8}999 V2000\n"
        for index, symbol in enumerate(symbols):
            x, y, z = numbers[3 * index : 3 * index + 3]
            yield f"{x:10.4f}{y:10.4f}{z:10.4f} {symbol:3} 0  0\n"
        for begin, end, *order in bonds:
            yield f"{int(begin) + 1:3}{int(end) + 1:3}{int(order[0]) if order else 1:3}  0\n"
        for atom, charge in charges:
            yield f"M  CHG  1 {int(atom) + 1:3} {int(charge):3}\n"
        yield "M  END\n$$$$\n"


def is_query(molecule):
    parts = [*molecule.GetAtoms(), *molecule.GetBonds()]
    return any(part.HasQuery() for part in parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("--examples", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--every", type=int, default=20)
    options = parser.parse_args()
    tables = collections.defaultdict(collections.Counter)
    classes = collections.defaultdict(list)
    for file in sorted(options.folder.rglob("*")):
        suffixes = [suffix for suffix in file.suffixes if suffix != ".gz"]
        kind = KINDS.get(suffixes[-1]) if suffixes else None
        if kind is None or options.only not in str(file):
            continue
        with tempfile.NamedTemporaryFile() as plain:
            data = gzip.open(file).read() if file.suffix == ".gz" else file.read_bytes()
            data = "".join(blocks(data, options.every)).encode() if kind == "csv" else data
            plain.write(data)
            plain.flush()
            theirs = read_rdkit(pathlib.Path(plain.name), kind, options.merge)
            words = ["xyz" if kind == "xyz" else "sdf", "blocks"] + ["merge"] * options.merge
            output = subprocess.run([PROGRAM, *words], input=data, capture_output=True, check=True)
        ours = [json.loads(line) for line in output.stdout.decode().split("\n")[:-1]]
        name = str(file.relative_to(options.folder))
        version = " V3000" if b"V3000" in data else ""
        table = tables[f"{file.parent.name} .{kind}{version}"]
        table["files"] += 1
        if len(ours) != len(theirs):
            classes["number of records"].append((name, len(ours), len(theirs)))
        for index, (a, b) in enumerate(zip(ours, theirs)):
            table["records"] += 1
            where = f"{name} {index}"
            if b is None:
                if "error" in a:
                    table["neither"] += 1
                else:
                    table["only here"] += 1
                    classes["read only here"].append((where, len(a["atoms"]), ""))
                continue
            if "error" in a:
                what = "query" if is_query(b) and a["error"][0] == "query" else "refused"
                table[what] += 1
                classes[f"{what}: {a['error'][0]}"].append((where, a["error"][1].split("\n")[0], ""))
                continue
            found = differences(a, known(b), SKIPPED[kind] | (MERGED if options.merge else set()))
            table["equal" if not found else "different"] += 1
            back = written(a, kind)
            table["not written back"] += bool(back)
            for key, (place, x, y) in (found | back).items():
                classes[key].append((f"{where} {place}", x, y))
    columns = ["files", "records", "equal", "different", "neither", "query", "refused", "only here", "not written back"]
    print("| group | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for group, table in tables.items():
        print(f"| {group} | " + " | ".join(str(table[column]) for column in columns) + " |")
    for key, cases in sorted(classes.items(), key=lambda item: -len(item[1])):
        print(f"\n{key}: {len(cases)}")
        for where, x, y in cases[: options.examples]:
            print(f"  {where}: {str(x)[:150]}" + (f" | {str(y)[:150]}" if y != "" else ""))
    sys.exit(any(table["different"] for table in tables.values()))


if __name__ == "__main__":
    main()
