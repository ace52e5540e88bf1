"""chemprop's own models, loaded by chemprop, on molecules given as SMILES."""

import sys
import types

import torch

# chemprop imports a faster featurizer that is tied to one version of RDKit. It is not used here.
sys.modules.setdefault("cuik_molmaker", types.ModuleType("cuik_molmaker"))

from chemprop.data import BatchMolGraph
from chemprop.featurizers import SimpleMoleculeMolGraphFeaturizer
from chemprop.models import MPNN
from rdkit import Chem

FEATURIZE = SimpleMoleculeMolGraphFeaturizer()


def graph(smiles):
    """The graph of a molecule; `ValueError` for what is none."""
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or molecule.GetNumAtoms() == 0:
        raise ValueError("not a molecule")
    return FEATURIZE(molecule)


def load(path):
    """The model of a file of chemprop 2. It is a pickle: open files of people you trust."""
    return MPNN.load_from_file(path, map_location="cpu").eval()


def answers(model, graphs):
    """Vectors of atoms, fingerprints and predictions, in the model's precision."""
    batch = BatchMolGraph(graphs)
    dtype = next(model.parameters()).dtype
    batch.V, batch.E = batch.V.to(dtype), batch.E.to(dtype)
    with torch.no_grad():
        atoms = model.message_passing(batch)
        return atoms, model.fingerprint(batch), model(batch)
