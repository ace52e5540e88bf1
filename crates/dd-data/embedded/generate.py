#!/usr/bin/env python3
"""Makes small_organics.csv.gz: enumerate molecules, optimise them with GFN2-xTB, label, check, pack.

    pip install -r requirements.txt
    python generate.py check                 # the shipped list follows from the rules and the seed
    python generate.py compute --work work   # optimise and label (resumable; --jobs N for N processes)
    python generate.py pack --work work      # table, failures, statistics of the data card

`enumerate` writes the candidates that the rules and the seed give (WORK/candidates.smi). `molecules.smi`, in this
folder, lists those that were computed; `check` verifies that each is a candidate. `compute` appends one JSON line per
molecule to WORK/results.jsonl and skips what is already there, so it can be interrupted and resumed; `pack` refuses to
write a table while molecules are missing. The method is in README.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by tblite and NumPy when they are imported
HERE = Path(__file__).resolve().parent
SEED = 20261122
TARGET = 1400


def lines(path):
    return path.read_text().splitlines()


def enumerate_step(work, target, seed):
    """WORK/candidates.smi: the SMILES, by size, then text."""
    import chemspace

    smiles = chemspace.select(target, seed)
    (work / "candidates.smi").write_text("".join(f"{s}\n" for s in smiles))
    print(f"{len(smiles)} candidates")
    return smiles


def check_step(work, molecules, target, seed):
    """Fails unless every molecule of the list is a candidate, in the order of the candidates."""
    candidates = enumerate_step(work, target, seed)
    chosen = set(molecules)
    if [s for s in candidates if s in chosen] != molecules:
        raise SystemExit("molecules.smi is not a subset of the candidates in their order")
    print(f"{len(molecules)} molecules are all candidates")


def results(work):
    """SMILES to record; a half-written last line (an interrupted run) is ignored."""
    path = work / "results.jsonl"
    found = {}
    for line in lines(path) if path.exists() else []:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        found[record["smiles"]] = record
    return found


def compute_one(job):
    import geometry

    return geometry.compute(*job)


def compute_step(work, molecules, seed, jobs):
    """Optimises and labels what WORK/results.jsonl does not have yet, in a seeded order."""
    done = results(work)
    order = list(molecules)
    random.Random(seed).shuffle(order)
    todo = [(smiles, seed) for smiles in order if smiles not in done]
    begin = time.monotonic()
    with open(work / "results.jsonl", "a", encoding="ascii") as out, multiprocessing.Pool(jobs) as pool:
        for count, record in enumerate(pool.imap_unordered(compute_one, todo), 1):
            out.write(json.dumps(record) + "\n")
            out.flush()
            if count % 50 == 0:
                print(f"{count} of {len(todo)} in {time.monotonic() - begin:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["enumerate", "check", "compute", "pack"])
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder of intermediate files (default: work)")
    parser.add_argument("--molecules", type=Path, default=HERE / "molecules.smi", help="list of SMILES to compute and pack")
    parser.add_argument("--output", type=Path, default=HERE, help="folder that receives the table and the card's statistics")
    parser.add_argument("--target", type=int, default=TARGET, help=f"approximate number of candidates (default {TARGET})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of sampling and embedding (default {SEED})")
    parser.add_argument("--jobs", type=int, default=1, help="processes of `compute`; the results do not depend on it (default 1)")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.step == "enumerate":
        enumerate_step(arguments.work, arguments.target, arguments.seed)
    elif arguments.step == "check":
        check_step(arguments.work, lines(arguments.molecules), arguments.target, arguments.seed)
    elif arguments.step == "compute":
        compute_step(arguments.work, lines(arguments.molecules), arguments.seed, arguments.jobs)
    else:
        import pack

        pack.pack_step(lines(arguments.molecules), results(arguments.work), arguments.output)


if __name__ == "__main__":
    main()
