"""Compares dd-mol's Morgan fingerprints with RDKit's, bit for bit, on whole corpora.

    python benches/peers/fingerprint_parity.py DATA_FOLDER [--corpus NAME ...] [--sample N]
        [--radius R] [--bits N] [--program PATH]

RDKit's are those of `rdFingerprintGenerator.GetMorganGenerator(radius, fpSize)`. One table row
per corpus, then examples of molecules whose bits differ. The exit code is 1 when a molecule
that both read differs. Needs RDKit of requirements.txt, and
`cargo build --release -p dd-mol --example fingerprint`.
"""

import argparse
import subprocess
import sys
import tempfile

from corpora import CORPORA, corpus
from rdkit import Chem, RDLogger
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

EXAMPLES = 5


def compare(command, generator, strings):
    """(rows, read by both, equal, examples) of one corpus."""
    strings = [smiles for smiles in strings if "\n" not in smiles and "\r" not in smiles]
    rows = both = equal = 0
    examples = []
    with tempfile.TemporaryFile() as lines:
        lines.writelines(f"{smiles}\n".encode() for smiles in strings)
        lines.seek(0)
        with subprocess.Popen(command, stdin=lines, stdout=subprocess.PIPE, text=True) as program:
            for smiles, answer in zip(strings, program.stdout, strict=True):
                rows += 1
                molecule = Chem.MolFromSmiles(smiles)
                if molecule is None or answer == "-\n":
                    continue
                both += 1
                if [int(bit) for bit in answer.split()] == list(
                    generator.GetFingerprint(molecule).GetOnBits()
                ):
                    equal += 1
                elif len(examples) < EXAMPLES:
                    examples.append(smiles)
        if program.returncode:
            sys.exit(f"{' '.join(command)} ended with {program.returncode}")
    return rows, both, equal, examples


def table_row(name, rows, both, equal):
    return f"| {name} | {rows} | {both} | {equal} | {100 * equal / max(1, both):.4f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", help="folder of reference data")
    parser.add_argument("--program", default="target/release/examples/fingerprint")
    parser.add_argument("--corpus", nargs="+", choices=CORPORA, default=list(CORPORA))
    parser.add_argument("--sample", type=int, help="about so many rows per corpus, evenly spaced")
    parser.add_argument("--radius", type=int, default=2)
    parser.add_argument("--bits", type=int, default=2048)
    arguments = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")
    generator = GetMorganGenerator(radius=arguments.radius, fpSize=arguments.bits)
    command = [arguments.program, str(arguments.radius), str(arguments.bits)]
    print("| corpus | rows | read by both | equal | % |\n|---" + "|---:" * 4 + "|")
    totals, found = [0, 0, 0], []
    for name in arguments.corpus:
        strings = corpus(arguments.data, name, arguments.sample)
        *counts, examples = compare(command, generator, strings)
        print(table_row(name, *counts), flush=True)
        totals = [total + count for total, count in zip(totals, counts)]
        found += [(name, smiles) for smiles in examples]
    print(table_row("all", *totals))
    for name, smiles in found:
        print(f"{name}: {smiles[:200]!r}")
    return totals[1] != totals[2]


if __name__ == "__main__":
    sys.exit(main())
