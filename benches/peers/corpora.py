"""The corpora of SMILES that the comparisons run on, below a folder of reference data."""

import csv
import glob
import gzip
import itertools
import json
import os

# Corpus: files below DATA_FOLDER, and the column that holds the SMILES. A number counts the
# columns of a table without a header; None means the first word of every line.
CORPORA = {
    "chembl": ("smiles/chembl_deepchem.smi.gz", None),
    "pubchem": ("smiles/pubchem_100k_standardize.tsv.gz", 0),
    "pubchem-standardized": ("smiles/pubchem_100k_standardize.tsv.gz", 1),
    "zinc250k": ("smiles/zinc250k_subset.smi.gz", None),
    "zinc-natural": ("smiles/zinc_np_50k.smi.gz", None),
    "generated-ngram": ("smiles/generated_ngram_30k.tsv.gz", "smiles"),
    "generated-hmm": ("smiles/generated_hmm_30k.tsv.gz", "smiles"),
    "edge-cases": ("smiles/edge_cases.tsv", "smiles"),
    "opensmiles": ("smiles/opensmiles_spec_examples.tsv", "smiles"),
    "rdkit-tests": ("smiles/rdkit/*.smi", None),
    "openbabel-tests": ("smiles/openbabel/**/*.*", None),
    "smilesreading-aromatic": ("smiles/smilesreading/aromatic_*.smi.gz", None),
    "smilesreading-kekule": ("smiles/smilesreading/benchmark_chembl.smi.gz", None),
    "smilesreading-cases": ("smiles/smilesreading/*.smi", None),
    "moleculenet": ("moleculenet/*.csv.gz", "smiles"),
    "moleculenet-raw": ("moleculenet/raw/*.csv.gz", "smiles"),
    "qm9": ("3d/qm9_gdb17_smiles.csv.gz", "smiles"),
    "golden-features": ("../golden/features/features.jsonl.gz", "smiles"),
    "golden-invalid": ("../golden/features/invalid.jsonl.gz", "smiles"),
}


def strings_of_file(path, column):
    """The SMILES of one file, in order; bytes that are not UTF-8 are replaced."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", errors="replace", newline="\n") as lines:
        if ".jsonl" in path:
            yield from (json.loads(line)[column] for line in lines)
        elif column is None:
            yield from (line.split()[0] for line in lines if line.strip())
        elif ".tsv" in path:
            rows = (line.rstrip("\n").split("\t") for line in lines)
            index = column if isinstance(column, int) else next(rows).index(column)
            yield from (row[index] for row in rows)
        else:
            yield from (row[column] for row in csv.DictReader(lines))


def corpus(folder, name, sample):
    """The SMILES of a corpus, without blank rows; with `sample`, evenly spaced ones."""
    pattern, column = CORPORA[name]
    files = sorted(glob.glob(os.path.join(folder, pattern), recursive=True))
    strings = (s for path in files for s in strings_of_file(path, column) if s.strip())
    if not sample:
        return strings
    total = sum(1 for _ in corpus(folder, name, None))
    return itertools.islice(strings, 0, None, max(1, total // sample))
