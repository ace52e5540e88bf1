"""Compact PyTorch versions of the models, with the original parameter names."""
