"""From a SMILES to a GFN2-xTB minimum with labels, and the checks that it is still that molecule.

Energies and gradients come from tblite; the search is scipy's BFGS in Cartesian coordinates.
Units inside: bohr and hartree. Units outside: angstrom, electronvolt, debye.
"""

from __future__ import annotations

import time
import zlib

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem
from scipy.optimize import minimize
from tblite.interface import Calculator

BOHR = 0.529177210903  # angstrom, CODATA 2018
HARTREE_EV = 27.211386245988  # electronvolt, CODATA 2018
DEBYE = 2.541746473  # debye in one e*bohr, CODATA 2018

CONFORMERS = 10  # ETKDGv3 embeddings
RELAXED = 2  # lowest distinct ones that are pre-optimised with GFN2-xTB
LOOSE = 2e-3  # largest gradient component of the pre-optimisation, hartree/bohr
TIGHT = 1e-4  # largest gradient component of the final optimisation, hartree/bohr
KICK = 0.01  # standard deviation (angstrom) of the displacement between the two: leaves symmetric saddle points
ACCURACY = 1.0  # tblite SCF accuracy (its default)
TEMPERATURE = 300.0  # electronic temperature, kelvin
DECIMALS = 4  # of the stored coordinates; labels are computed at the stored coordinates

# Bonds: 0.7 to 1.25 times the sum of covalent radii; no other pair closer than 1.20 times (H-H 1.5 times).
BOND_RANGE = (0.70, 1.25)
NONBOND = 1.20
# Cordero et al., Dalton Trans. 2008, 2832.
RADII = {"H": 0.31, "C": 0.76, "N": 0.71, "O": 0.66, "F": 0.57, "S": 1.05, "Cl": 1.02}


class Failure(Exception):
    """Why a molecule has no row in the table."""


class Surface:
    """GFN2-xTB energy and gradient of one molecule, restarting each SCF from the one before."""

    def __init__(self, numbers, positions):
        self.calculator = Calculator("GFN2-xTB", numbers, positions / BOHR)
        self.calculator.set("verbosity", 0)
        self.calculator.set("accuracy", ACCURACY)
        self.calculator.set("temperature", TEMPERATURE * 3.166808578545117e-06)
        self.result, self.evaluations = None, 0

    def __call__(self, flat):
        self.evaluations += 1
        self.calculator.update(flat.reshape(-1, 3))
        try:
            self.result = self.calculator.singlepoint(self.result) if self.result else self.calculator.singlepoint()
        except RuntimeError:
            self.result = self.calculator.singlepoint()
        return self.result.get("energy"), self.result.get("gradient").ravel().copy()

    def relax(self, positions, threshold):
        """Positions (angstrom) of the minimum downhill, with its energy and largest gradient component."""
        start = positions.ravel() / BOHR
        options = {"gtol": threshold, "norm": np.inf, "maxiter": 600, "hess_inv0": np.eye(start.size) * 1.5}
        flat = start
        for _ in range(3):  # a line search that stalls on SCF noise is restarted with a fresh inverse Hessian
            found = minimize(self, flat, jac=True, method="BFGS", options=options)
            flat = found.x
            if np.abs(found.jac).max() <= threshold:
                return flat.reshape(-1, 3) * BOHR, float(found.fun), float(np.abs(found.jac).max())
        raise Failure(f"not converged: {np.abs(found.jac).max():.1e} hartree/bohr")


def conformers(mol, seed):
    """Force-field conformers, lowest first, at most `RELAXED`, at least 0.1 kcal/mol apart."""
    parameters = AllChem.ETKDGv3()
    parameters.randomSeed, parameters.numThreads = seed, 1
    ids = list(AllChem.EmbedMultipleConfs(mol, CONFORMERS, parameters))
    if not ids:
        raise Failure("embedding found no conformer")
    if AllChem.MMFFHasAllMoleculeParams(mol):
        energies = AllChem.MMFFOptimizeMoleculeConfs(mol, numThreads=1, maxIters=1000, mmffVariant="MMFF94s")
    else:
        energies = AllChem.UFFOptimizeMoleculeConfs(mol, numThreads=1, maxIters=1000)
    kept = []
    for _, energy, conformer in sorted((round(e, 6), e, i) for (_, e), i in zip(energies, ids)):
        if all(energy - other > 0.1 for other, _ in kept):
            kept.append((energy, conformer))
    return [mol.GetConformer(i).GetPositions() for _, i in kept[:RELAXED]]


def check_graph(mol, positions):
    """Raises unless the interatomic distances draw exactly the bonds of `mol`."""
    symbols = [a.GetSymbol() for a in mol.GetAtoms()]
    for i in range(len(symbols)):
        for j in range(i):
            ratio = np.linalg.norm(positions[i] - positions[j]) / (RADII[symbols[i]] + RADII[symbols[j]])
            bonded = mol.GetBondBetweenAtoms(i, j) is not None
            limit = 1.5 if symbols[i] == symbols[j] == "H" else NONBOND
            if bonded and not BOND_RANGE[0] <= ratio <= BOND_RANGE[1]:
                raise Failure(f"bond {symbols[j]}{j}-{symbols[i]}{i} at {ratio:.2f} of the covalent radii")
            if not bonded and ratio < limit:
                raise Failure(f"contact {symbols[j]}{j}-{symbols[i]}{i} at {ratio:.2f} of the covalent radii")


def check_stereo(mol, positions, smiles):
    """Raises unless the geometry has the stereo descriptors of `smiles`."""
    again = Chem.Mol(mol)
    again.RemoveAllConformers()
    conformer = Chem.Conformer(len(positions))
    for i, p in enumerate(positions):
        conformer.SetAtomPosition(i, [float(x) for x in p])
    again.AddConformer(conformer)
    Chem.AssignStereochemistryFrom3D(again)
    got = Chem.MolToSmiles(Chem.RemoveHs(again))
    if got != smiles:
        raise Failure(f"stereo became {got}")


def compute(smiles, seed):
    """The record of one molecule: a dict with `smiles`, `xyz`, labels and diagnostics, or with `failure`."""
    begin = time.perf_counter()
    record = {"smiles": smiles}
    try:
        record.update(minimum(smiles, (seed + zlib.crc32(smiles.encode())) % 2**31))
    except Failure as failure:
        record["failure"] = str(failure)
    except RuntimeError as error:
        record["failure"] = f"tblite: {str(error).strip().splitlines()[0]}"
    record["seconds"] = round(time.perf_counter() - begin, 3)
    return record


def minimum(smiles, seed):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))  # heavy atoms in SMILES order, hydrogens after them
    numbers = np.array([a.GetAtomicNum() for a in mol.GetAtoms()])
    starts = conformers(mol, seed)
    surface = Surface(numbers, starts[0])
    relaxed = [surface.relax(start, LOOSE) for start in starts]
    best = min(relaxed, key=lambda item: item[1])[0]
    best = best + np.random.default_rng(seed).normal(0.0, KICK, best.shape)
    positions, _, _ = surface.relax(best, TIGHT)
    positions = np.round(positions - positions.mean(axis=0), DECIMALS) + 0.0
    check_graph(mol, positions)
    check_stereo(mol, positions, smiles)
    final = Surface(numbers, positions)
    energy, gradient = final(positions.ravel() / BOHR)
    levels, electrons = final.result.get("orbital-energies"), final.result.get("orbital-occupations").sum()
    homo = round(electrons / 2) - 1
    return {
        "xyz": positions.tolist(),
        "gap_ev": float(levels[homo + 1] - levels[homo]) * HARTREE_EV,
        "dipole_debye": float(np.linalg.norm(final.result.get("dipole"))) * DEBYE,
        "energy_hartree": float(energy),
        "max_gradient": float(np.abs(gradient).max()),
        "conformers": len(starts),
        "evaluations": surface.evaluations + 1,
    }
