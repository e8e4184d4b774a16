"""Derivations to source code: a NumPy module and its test, and callables compiled from it."""
