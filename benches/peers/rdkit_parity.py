"""Compares `dnd featurize` with RDKit and OGB, row by row, on whole corpora.

    python benches/peers/rdkit_parity.py DATA_FOLDER [--dnd PATH] [--corpus NAME ...] [--sample N]

Compared are the verdict (read or refused), OGB's 9 + 3 features and edge index, ring sizes,
formula, exact mass, the Murcko scaffold (as a molecule), and whether RDKit reads our canonical
SMILES as the same molecule. One table row per corpus, then every class of difference with
examples. The exit code is 1 when a target is missed. Memory does not grow with the corpus.
Needs requirements.txt and a release build of `dnd`.
"""

import argparse
import collections
import csv
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile

from arrangements import same_arrangements
from corpora import CORPORA, corpus
from ogb.utils.features import atom_to_feature_vector, bond_to_feature_vector
from rdkit import Chem, RDLogger
from rdkit.Chem.Descriptors import ExactMolWt
from rdkit.Chem.rdMolDescriptors import CalcMolFormula
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

# Least shares: of molecules read by both that are equal, in every corpus; of rows with equal
# verdicts, over all corpora, as those that hold odd strings are small.
VERDICT_TARGET = 0.999
TARGETS = {"features": 0.9999, "properties": 0.9999}
CHUNK = 1000
EXAMPLES = 3
SPELLINGS = 50


def rewritten(smiles, rounds):
    """What RDKit writes when it reads a SMILES, and again what it wrote."""
    found = {smiles}
    for _ in range(rounds):
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None:
            break
        smiles = Chem.MolToSmiles(molecule)
        found.add(smiles)
    return found


def same_molecule(ours, theirs):
    """Whether RDKit reads two SMILES as one molecule: by its canonical SMILES, which settle
    after a few rounds only, or by a match both ways where these depend on the atom order. Neither
    tells everything of @SP, @TB and @OH centres, which are compared by themselves."""
    same = theirs in rewritten(ours, 1) or not rewritten(theirs, 4).isdisjoint(rewritten(ours, 4))
    a, b = (Chem.MolFromSmiles(smiles) for smiles in (ours, theirs))
    if a is None and b is None:  # Some scaffolds have no Kekulé form.
        a, b = (Chem.MolFromSmiles(smiles, sanitize=False) for smiles in (ours, theirs))
        return same or None not in (a, b) and Chem.MolToSmiles(a) == Chem.MolToSmiles(b)
    if a is None or b is None or CalcMolFormula(a) != CalcMolFormula(b):
        return same
    same = same or all(x.HasSubstructMatch(y, useChirality=True) for x, y in ((a, b), (b, a)))
    return same and same_arrangements(a, b)


def feature_differences(molecule, ours):
    """The names of the graph fields that differ, columns counted from 0."""
    node_rows = [atom_to_feature_vector(atom) for atom in molecule.GetAtoms()]
    sources, targets, edge_rows = [], [], []
    for bond in molecule.GetBonds():
        begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        sources += [begin, end]
        targets += [end, begin]
        edge_rows += [bond_to_feature_vector(bond)] * 2
    names = []
    if ours["edge_index"] != [sources, targets]:
        names.append("edge_index")
    for field, rows in (("node_feat", node_rows), ("edge_feat", edge_rows)):
        if len(rows) != len(ours[field]):
            names.append(f"{field} rows")
            continue
        pairs = zip(rows, ours[field])
        columns = {c for a, b in pairs if a != b for c, v in enumerate(a) if v != b[c]}
        names += [f"{field}[{column}]" for column in sorted(columns)]
    return names


def other_scaffolds(molecule):
    """RDKit's scaffolds of other spellings: with dative bonds they are not always the same."""
    for _ in range(SPELLINGS):
        spelling = Chem.MolFromSmiles(Chem.MolToSmiles(molecule, doRandom=True))
        if spelling is not None:
            yield MurckoScaffoldSmiles(mol=spelling, includeChirality=False)


def property_differences(molecule, ours):
    """The names of the properties that differ."""
    ring_sizes = sorted(len(ring) for ring in molecule.GetRingInfo().AtomRings())
    mass = ExactMolWt(molecule)
    names = [] if ring_sizes == ours["ring_sizes"] else ["ring_sizes"]
    if CalcMolFormula(molecule) != ours["formula"]:
        names.append("formula")
    if abs(mass - ours["exact_mass"]) > 1e-12 * max(1.0, mass):
        names.append("exact_mass")
    if not same_molecule(ours["canonical_smiles"], Chem.MolToSmiles(molecule)):
        names.append("canonical_smiles")
    try:
        scaffold = MurckoScaffoldSmiles(mol=molecule, includeChirality=False)
        if not same_molecule(ours["scaffold"], scaffold):
            other = any(same_molecule(ours["scaffold"], s) for s in other_scaffolds(molecule))
            names.append("scaffold (RDKit's of another spelling)" if other else "scaffold")
    except Exception as error:  # RDKit cannot make a molecule of some scaffolds
        names.append(f"scaffold (RDKit raises {type(error).__name__})")
    return names


def judge(row):
    """What one row says: (both read it, class of the difference or None, its kind)."""
    smiles, answer = row
    ours = json.loads(answer)
    molecule = Chem.MolFromSmiles(smiles)
    if ours["status"] != "ok":
        kind = ours["error"]["kind"]
        return False, None if molecule is None else ("verdicts", f"we refuse: {kind}")
    if molecule is None:
        return False, ("verdicts", "RDKit refuses")
    names = feature_differences(molecule, ours)
    if names:
        return True, ("features", " ".join(names))
    names = property_differences(molecule, ours)
    return True, ("properties", " ".join(names)) if names else None


def compare(pool, dnd, strings, work_folder):
    """Counts over one corpus, and the strings of every class of difference."""
    table = os.path.join(work_folder, "corpus.csv")
    with open(table, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(itertools.chain([["row", "smiles"]], enumerate(strings)))
    counts, classes = collections.Counter(), collections.defaultdict(list)
    command = [dnd, "featurize", "--input", table, "--properties", "--format", "jsonl"]
    with subprocess.Popen([*command, "--quiet"], stdout=subprocess.PIPE) as process:
        with open(table, encoding="utf-8", newline="") as file:
            rows = zip((row["smiles"] for row in csv.DictReader(file)), process.stdout, strict=True)
            while chunk := list(itertools.islice(rows, CHUNK)):
                for (smiles, _), (both, difference) in zip(chunk, pool.map(judge, chunk, 50)):
                    counts.update(rows=1, both=both)
                    if difference:
                        counts.update([difference[0], difference])
                        if counts[difference] <= EXAMPLES:
                            classes[difference].append(smiles)
    if process.returncode not in (0, 3):
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return counts, classes


def missed_targets(name, counts):
    """The targets that a corpus misses, in words."""
    both = counts["both"]
    missed = [what for what, least in TARGETS.items() if counts[what] > (1 - least) * both]
    found = [f"{name}: {counts[what]} of {both} differ in {what}" for what in missed]
    return found if counts["rows"] else [f"{name}: no rows"]


def table_row(name, counts):
    keys = ["rows", "both", "features", "verdicts", "properties"]
    rows, both, features, verdicts, properties = (counts[key] for key in keys)
    percent = 100 * (both - features) / max(1, both)
    cells = [name, rows, both, both - features, f"{percent:.4f}", verdicts, properties]
    return "| " + " | ".join(map(str, cells)) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", help="folder of reference data")
    parser.add_argument("--dnd", default="target/release/dnd", help="the program")
    parser.add_argument("--corpus", nargs="+", choices=CORPORA, default=list(CORPORA))
    parser.add_argument("--sample", type=int, help="about so many rows per corpus, evenly spaced")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes for RDKit")
    arguments = parser.parse_args()
    missed, found, total = [], [], collections.Counter()
    print("| corpus | rows | read by both | equal | % | verdicts differ | properties differ |")
    print("|---" + "|---:" * 6 + "|")
    quiet = (RDLogger.DisableLog, ["rdApp.*"])
    pool = multiprocessing.Pool(arguments.jobs, *quiet)
    with pool, tempfile.TemporaryDirectory() as folder:
        for name in arguments.corpus:
            strings = corpus(arguments.data, name, arguments.sample)
            counts, classes = compare(pool, arguments.dnd, strings, folder)
            print(table_row(name, counts), flush=True)
            missed += missed_targets(name, counts)
            found += [(name, kind, counts[kind], examples) for kind, examples in classes.items()]
            total += counts
    print(table_row("all", total))
    if total["verdicts"] > (1 - VERDICT_TARGET) * total["rows"]:
        missed.append(f"{total['verdicts']} of {total['rows']} verdicts differ")
    for name, (kind, what), count, examples in sorted(found, key=lambda f: (f[0], -f[2])):
        print(f"\n{name}: {count}x {kind}: {what}")
        for smiles in examples:
            print(f"    {smiles[:200]!r}")
    print("\n" + ("\n".join(["Targets missed:", *missed]) if missed else "All targets are met."))
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
