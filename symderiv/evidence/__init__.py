"""Derivations to certificates: both roads, differences and other libraries, compared."""
