"""Rule-based enumeration of small organic molecules: cores, substituents, filters, sampling.

Nothing here is read from a list of molecules. Rings and chains are built by rule, substituents
are attached wherever an implicit hydrogen allows, and a seeded, scaffold-stratified sample of the
result is drawn. RDKit is used to build molecules, to check valences and to write SMILES.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict

from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, StereoEnumerationOptions
from rdkit.Chem.Scaffolds import MurckoScaffold

RDLogger.DisableLog("rdApp.*")

MAX_HEAVY = 9
MIN_HEAVY = 3
NITRO = 32
SCAFFOLDS = 100  # the most populated scaffolds are kept, open chains being one of them

# A substituent is a SMILES whose first atom binds to the core by a single bond.
SMALL = ["F", "Cl", "O", "S", "N", "C", "C#N", "OC"]
SUBSTITUENTS = SMALL + [
    "CC", "C(C)C", "C=C", "C#C", "C1CC1", "CO", "CN", "CS", "CF", "C(F)F", "C(F)(F)F", "CCl", "CC#N",
    "C=O", "C(C)=O", "C(=O)O", "C(N)=O", "C(=O)OC", "OC=O", "OC(C)=O", "NC=O", "NC(C)=O",
    "NC", "N(C)C", "SC", "SCC", "OCC", "[N+](=O)[O-]", "S(C)=O", "S(C)(=O)=O", "S(N)(=O)=O", "C=CC", "C=CF", "CC=C",
]

# Fused, bridged and spiro systems of at most nine heavy atoms.
POLYCYCLES = [
    "C1CC2CC12", "C1CC2CC2C1", "C1CCC2CC2C1", "C1CC2CCC1C2", "C1CC2CCC1O2", "C1CC2CCC1N2", "C1CC2CCC1CC2",
    "C1CC12CC2", "C1CC12CCC2", "C1CC12CCCC2", "C1CC2(C1)CCC2", "C1CC2(C1)COC2", "C1CC2CCCC2C1", "C1CC2CCCN2C1",
    "C1CC2(CCO1)CC2", "C1OC2COCC2O1", "C1CC2CC1C=C2", "C12CC1C2", "C1C2CC1C2", "C1CC2OC2C1", "C1CCC2OC2C1",
    "C1OCC2CC12", "C1NCC2CC12", "C1CSC2CC12", "c1ccc2[nH]ccc2c1", "c1ccc2occc2c1", "c1ccc2sccc2c1",
    "c1ccc2[nH]cnc2c1", "c1ccc2[nH]ncc2c1", "c1ccc2ocnc2c1", "c1ccc2scnc2c1", "c1ccn2ccnc2c1", "c1ccn2cccc2c1",
    "c1ccc2c(c1)CCC2", "c1ccc2c(c1)CC2", "c1ccc2c(c1)OCO2", "c1cc2sccc2s1", "c1cc2[nH]ccc2[nH]1", "c1cc2c(s1)CCC2",
    "c1cc2n(c1)CCC2", "c1cn2c(n1)CCC2", "c1ccc2c(c1)CCO2", "c1ccc2c(c1)CCN2", "c1cc2occc2o1", "C1=CC2CCC1C2",
]

# Patterns that are unstable in the hand, ambiguous as graphs, or prone to rearrange on optimisation.
FORBIDDEN = [
    "[N,O,S;!$([S](=O)=O);!$([S]=O);!a]-[N,O;!a;!$([N+])]",  # open N-N, N-O, O-O, S-N, S-O (sulfonyl allowed)
    "[F,Cl]-[!#6]",                                # halogen on a heteroatom
    "[F,Cl][CX4][NX3,O,S;!$(S=O);!$(N-C=O)]",      # alpha-halo amine, ether, thioether
    "[OX2H,SX2H,NX3;!$(N-C=O)][CX4;!$(C[N+])][OX2,SX2,NX3;!R]",  # hemiacetals and aminals outside rings
    "[OX2H,SX2H,$([NX3;H1,H2;!R])][CX4;R][OX2,SX2,NX3;R]",  # hemiacetals and aminals on rings
    "[OX2H,SX2H,NX3H,NX3H2;!$(N-C=O)][CX3;!$(C=[O,N])]=[CX3]",  # enols, thioenols, primary and secondary enamines
    "[NX3][CX3](=O)[OX2H]", "[OX2][CX3](=O)[OX2H]",  # carbamic and carbonic acids
    "[C;r3]=[C;r3]", "[c;r3]", "C=C=C", "C=C=O", "[OX2]C(=O)[CX4;r3][OX2,NX3,SX2;r3]", "[CX3;r3]=[O,N]", "[CX2;r]#[CX2;r]", "[C;R]=[C;R](-[C;r3])",
    "[OX2H,SX2H,NX3H2][CX4][CX2]#N",               # cyanohydrins
    "[SX2H]-S", "[#16]-[#16]", "[CX3H1](=O)[CX3H1](=O)", "C(=O)C(=O)", "[OX2,SX2][CX2]#[CX2,NX1]", "[NX3][CX2]#[CX2]",
    "[F,Cl]C=O", "[F,Cl]C#C", "[NX3]C#N", "[S;R](=O)", "[n;R]S", "[n;R]O", "[n;R]N", "[n;R][F,Cl]", "[n;R][CX2]#N",
    "[SX2H]C=O", "O=C[OX2]C=O", "[NX3;H0,H1]([CX3]=O)[CX3]=O",
]
FORBIDDEN_PATTERNS = [Chem.MolFromSmarts(s) for s in FORBIDDEN]
assert all(p is not None for p in FORBIDDEN_PATTERNS)


def ring(symbols, double_after=()):
    """SMILES of a monocycle from its atom symbols; `double_after` holds positions k with k=k+1."""
    parts = []
    for k, symbol in enumerate(symbols):
        parts.append(symbol + ("1" if k in (0, len(symbols) - 1) else ""))
        if k in double_after:
            parts.append("=")
    return "".join(parts)


def monocycles():
    """Saturated, partly unsaturated and aromatic monocycles, with and without heteroatoms."""
    out = []
    for n in (3, 4, 5, 6, 7):
        out.append(ring(["C"] * n))
        if n < 7:
            out += [ring([x] + ["C"] * (n - 1)) for x in "ONS"]
    for n, gap in ((5, 2), (6, 2), (6, 3)):
        for x, y in itertools.combinations_with_replacement("ONS", 2):
            symbols = ["C"] * n
            symbols[0], symbols[gap] = x, y
            out.append(ring(symbols))
    for n in (4, 5, 6, 7):
        out.append(ring(["C"] * n, (1,)))
    for x in "ON":
        out += [ring([x, "C", "C", "C", "C"], (1,)), ring([x, "C", "C", "C", "C"], (2,))]
        out += [ring([x, "C", "C", "C", "C", "C"], (1,)), ring([x, "C", "C", "C", "C", "C"], (2,))]
    for nitrogens in ((), (0,), (0, 1), (0, 2), (0, 3)):
        out.append(ring(["n" if k in nitrogens else "c" for k in range(6)]))
    for x in ("o", "s", "[nH]"):
        for nitrogens in ((), (1,), (2,), (1, 3), (2, 3), (1, 4)):
            out.append(ring([x] + ["n" if k in nitrogens else "c" for k in range(1, 5)]))
    return out


def chains():
    """Open chains: 2 to 6 atoms, at most one inner O, S or N, at most one multiple bond, some branches."""
    out = []
    for n in range(2, 7):
        for hetero in [None] + [(k, x) for k in range(1, n - 1) for x in "OSN"]:
            for multiple in [None] + [(k, b) for k in range(n - 1) for b in "=#"]:
                symbols = ["C"] * n
                if hetero:
                    symbols[hetero[0]] = hetero[1]
                    if multiple and hetero[0] in (multiple[0], multiple[0] + 1):
                        continue
                bond = lambda k: multiple[1] if multiple and multiple[0] == k else ""
                out.append("".join(s + bond(k) for k, s in enumerate(symbols)))
    out += ["CC(C)C", "CC(C)(C)C", "CC(C)CC", "CC(C)=C", "CC(C)=CC", "CC(C)OC", "CC(C)SC", "CC(C)NC", "C=CC=C", "CC=CC=C", "C#CC=C"]
    return out


def canonical(mol):
    return Chem.MolToSmiles(mol)


def acceptable(mol):
    """True when the molecule has the right size and no forbidden pattern."""
    if not MIN_HEAVY <= mol.GetNumHeavyAtoms() <= MAX_HEAVY:
        return False
    return not any(mol.HasSubstructMatch(p) for p in FORBIDDEN_PATTERNS)


def attach(core, atom, substituent):
    """The core with one hydrogen of `atom` replaced by `substituent`, or None where the valence forbids it."""
    offset = core.GetNumAtoms()
    edit = Chem.RWMol(Chem.CombineMols(core, substituent))
    edit.AddBond(atom, offset, Chem.BondType.SINGLE)
    return sanitized(edit, atom)


def oxidise(core, atom):
    """The core with =O in place of two hydrogens of `atom` (ketones, lactams, lactones)."""
    edit = Chem.RWMol(core)
    oxygen = edit.AddAtom(Chem.Atom("O"))
    edit.AddBond(atom, oxygen, Chem.BondType.DOUBLE)
    return sanitized(edit, atom)


def sanitized(edit, atom):
    site = edit.GetAtomWithIdx(atom)
    if site.GetNumExplicitHs():
        site.SetNumExplicitHs(site.GetNumExplicitHs() - 1)
    try:
        mol = edit.GetMol()
        Chem.SanitizeMol(mol)
        return Chem.MolFromSmiles(Chem.MolToSmiles(mol))
    except (Chem.AtomValenceException, Chem.KekulizeException, Chem.AtomKekulizeException):
        return None


def derivatives(core, substituents, carbonyl=True):
    """Canonical SMILES to molecule of every single substitution of `core`."""
    found = {}
    for atom in core.GetAtoms():
        if atom.GetTotalNumHs() == 0 or atom.GetSymbol() not in ("C", "N"):
            continue
        products = [attach(core, atom.GetIdx(), s) for s in substituents]
        if carbonyl and atom.GetSymbol() == "C" and atom.GetTotalNumHs() >= 2 and not atom.GetIsAromatic():
            products.append(oxidise(core, atom.GetIdx()))
        for mol in products:
            if mol is not None and mol.GetNumHeavyAtoms() <= MAX_HEAVY:
                found[canonical(mol)] = mol
    return found


def substituted_once_more(mol, substituents, count, rng):
    """Up to `count` further single substitutions of `mol` at random open positions."""
    room = MAX_HEAVY - mol.GetNumHeavyAtoms()
    sites = [a.GetIdx() for a in mol.GetAtoms() if a.GetTotalNumHs() and a.GetSymbol() in ("C", "N")]
    choices = [(i, s) for i in sites for s in substituents if s.GetNumAtoms() <= room]
    products = (attach(mol, *c) for c in rng.sample(choices, min(count, len(choices))))
    return {canonical(p): p for p in products if p is not None}


def with_stereo(mol, rng):
    """One seeded stereoisomer for centres; for a double bond with E and Z, both."""
    options = StereoEnumerationOptions(unique=True, onlyUnassigned=True)
    by_geometry = defaultdict(list)
    for smiles in sorted(canonical(m) for m in EnumerateStereoisomers(mol, options=options)):
        parsed = Chem.MolFromSmiles(smiles)
        key = tuple(sorted(str(b.GetStereo()) for b in parsed.GetBonds() if b.GetStereo() > Chem.BondStereo.STEREOANY))
        by_geometry[key].append(smiles)
    chosen = []
    for key in sorted(by_geometry):
        isomers = by_geometry[key]
        rng.shuffle(isomers)
        chosen += itertools.islice((s for s in isomers if len(isomers) == 1 or embeds(s)), 1)
    return chosen


def embeds(smiles):
    """True when distance geometry finds any conformer: weeds out impossible bridgeheads."""
    parameters = AllChem.ETKDGv3()
    parameters.randomSeed, parameters.maxIterations = 1, 10
    return AllChem.EmbedMolecule(Chem.AddHs(Chem.MolFromSmiles(smiles)), parameters) == 0


def scaffold(smiles):
    """Bemis-Murcko scaffold without stereo; empty for open chains."""
    mol = Chem.MolFromSmiles(smiles)
    Chem.RemoveStereochemistry(mol)
    return MurckoScaffold.MurckoScaffoldSmiles(mol=mol)


def pool(rng):
    """Constitutions (flat canonical SMILES) by scaffold: cores, single and double substitutions."""
    every = [Chem.MolFromSmiles(s) for s in SUBSTITUENTS]
    few = [Chem.MolFromSmiles(s) for s in SMALL]
    flat = {}
    for source in monocycles() + POLYCYCLES + chains():
        core = Chem.MolFromSmiles(source)
        if core is None:
            continue
        flat[canonical(core)] = core
        single = derivatives(core, every)
        flat.update(single)
        for smiles in sorted(single):
            if acceptable(single[smiles]):
                flat.update(substituted_once_more(single[smiles], few, 3, rng))
    groups = defaultdict(list)
    for smiles in sorted(flat):
        if acceptable(flat[smiles]):
            groups[scaffold(smiles)].append(smiles)
    return groups


def nitro_compounds(count, rng):
    """C-nitro compounds (the one family with formal charges), which the filter keeps out of `pool`."""
    nitro = [Chem.MolFromSmiles("[N+](=O)[O-]")]
    on_nitrogen = Chem.MolFromSmarts("[#7]-[N+]")
    found = set()
    for source in monocycles() + chains():
        core = Chem.MolFromSmiles(source)
        if core is None or core.GetNumHeavyAtoms() > MAX_HEAVY - 3:
            continue
        aromatic = any(a.GetIsAromatic() for a in core.GetAtoms())
        hydrocarbon = all(a.GetSymbol() == "C" for a in core.GetAtoms()) and "=" not in source and "#" not in source
        if aromatic or hydrocarbon:
            products = derivatives(core, nitro, carbonyl=False)
            found |= {s for s, mol in products.items() if not mol.HasSubstructMatch(on_nitrogen)}
    flat = rng.sample(sorted(found), min(count, len(found)))
    return [isomer for s in flat for isomer in with_stereo(Chem.MolFromSmiles(s), rng)]


def select(target, seed):
    """About `target` stereo SMILES, sorted by size, then text."""
    rng = random.Random(seed)
    groups = pool(rng)
    weight = lambda key: len(groups[key]) * (3 if "c" in key else 1)  # aromatic scaffolds count three times
    common = sorted(groups, key=lambda key: (-weight(key), key))[:SCAFFOLDS]
    groups = {key: groups[key] for key in common}
    share = {key: min(math.sqrt(len(m)), 14.0) * (2.0 if "c" in key else 1.0) for key, m in groups.items() if key}
    acyclic = round(0.22 * target)
    unit = (target - acyclic) / sum(share.values())
    chosen = set()
    for key in sorted(groups):
        members = list(groups[key])
        rng.shuffle(members)
        quota = acyclic if key == "" else max(5, round(unit * share[key]))
        taken = 0
        for smiles in members:
            if taken >= quota:
                break
            for isomer in with_stereo(Chem.MolFromSmiles(smiles), rng):
                if isomer not in chosen:
                    chosen.add(isomer)
                    taken += 1
    chosen.update(nitro_compounds(NITRO, rng))
    order = lambda s: (Chem.MolFromSmiles(s).GetNumHeavyAtoms(), s)
    return sorted(chosen, key=order)
