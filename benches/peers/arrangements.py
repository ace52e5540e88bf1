"""Square planar, trigonal bipyramidal and octahedral centres of RDKit, made comparable.

RDKit keeps a number for the order in which the neighbours of a centre happen to stand, vacant sites
last. Here it becomes what does not depend on that order: which neighbours are opposite to each other,
and in which sense any three of them turn.
"""

import functools
import itertools
import math

AXES = [(0, 0, 1), (0, 0, -1), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)]
SINE = math.sqrt(0.75)
SITES = {
    "SQUAREPLANAR": AXES[:4],
    "TRIGONALBIPYRAMIDAL": AXES[:3] + [(-0.5, SINE, 0), (-0.5, -SINE, 0)],
    "OCTAHEDRAL": AXES,
}
# OpenSMILES' numbers: by the ends of the axis, or the places opposite to the first place and to the
# next, then by the sense of the other two places or of those named.
PLANAR = {2: 1, 1: 2, 3: 3}
BIPYRAMIDS = {(0, 1): (7, 8), (0, 2): (5, 6), (0, 3): (3, 4), (0, 4): (1, 2), (1, 2): (13, 14)}
BIPYRAMIDS |= {(1, 3): (10, 12), (1, 4): (9, 11), (2, 3): (16, 19), (2, 4): (15, 20), (3, 4): (17, 18)}
OCTAHEDRA = {(1, 3): (0, 3, 4, 28, 27), (1, 4): (0, 2, 3, 25, 30), (1, 5): (0, 2, 3, 26, 29)}
OCTAHEDRA |= {(2, 3): (0, 3, 4, 22, 21), (2, 4): (0, 1, 3, 19, 24), (2, 5): (0, 1, 3, 20, 23)}
OCTAHEDRA |= {(3, 2): (0, 2, 4, 13, 12), (3, 4): (0, 1, 2, 6, 18), (3, 5): (0, 1, 2, 7, 17)}
OCTAHEDRA |= {(4, 2): (0, 2, 3, 11, 9), (4, 3): (0, 1, 2, 3, 16), (4, 5): (0, 1, 2, 5, 15)}
OCTAHEDRA |= {(5, 2): (0, 2, 3, 10, 8), (5, 3): (0, 1, 2, 1, 2), (5, 4): (0, 1, 2, 4, 14)}


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def sense(a, b, c):
    """1, 0 or -1: how three directions turn."""
    volume = sum(a[i] * (b[i - 2] * c[i - 1] - b[i - 1] * c[i - 2]) for i in range(3))
    return (volume > 1e-6) - (volume < -1e-6)


def number(places):
    """The number of directions in their order."""
    across = {i: j for i, j in itertools.permutations(range(len(places)), 2) if dot(places[i], places[j]) < -0.9}
    if len(places) == 4:
        return PLANAR[across[0]]
    if len(places) == 5:
        ends = next(iter(across.items()))
        k, l = [k for k in range(5) if k not in ends][:2]
        return BIPYRAMIDS[ends][sense(places[ends[0]], places[k], places[l]) < 0]
    p, q, r, yes, no = OCTAHEDRA[across[0], across[2 if across[0] == 1 else 1]]
    return yes if sense(places[p], places[q], places[r]) > 0 else no


@functools.cache
def places_of(kind):
    """Directions of the places for every number of a kind of centre."""
    return {number(places): places for places in itertools.permutations(SITES[kind])}


def kind_of(atom):
    name = str(atom.GetChiralTag())[4:]
    return name if name in SITES else None


def arrangement(atom, names):
    """What is known of a centre, its neighbours given by `names` per atom index."""
    kind = kind_of(atom)
    placed = places_of(kind).get(atom.GetIntProp("_chiralPermutation"))
    around = [names[bond.GetOtherAtomIdx(atom.GetIdx())] for bond in atom.GetBonds()]
    if placed is None or len(around) > len(placed):
        return kind, sorted(around)
    at = {name: place for name, place in zip(around, placed)}
    pairs = {(a, b): round(dot(at[a], at[b]), 3) for a, b in itertools.combinations(sorted(at), 2)}
    threes = {(a, b, c): sense(at[a], at[b], at[c]) for a, b, c in itertools.combinations(sorted(at), 3)}
    return kind, pairs, threes


def same_arrangements(a, b):
    """Whether some match of two equal graphs brings all such centres into agreement."""
    centres = [[atom for atom in molecule.GetAtoms() if kind_of(atom)] for molecule in (a, b)]
    if not any(centres):
        return True
    own = range(b.GetNumAtoms())
    wanted = {atom.GetIdx(): arrangement(atom, own) for atom in centres[1]}
    for match in a.GetSubstructMatches(b, uniquify=False, useChirality=True, maxMatches=100_000):
        names = {atom: index for index, atom in enumerate(match)}
        if wanted == {names[atom.GetIdx()]: arrangement(atom, names) for atom in centres[0]}:
            return True
    return False
