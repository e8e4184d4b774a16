"""Doors to SymPy: its expressions as input, results as its expressions."""
