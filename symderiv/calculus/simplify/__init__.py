"""Simplification of index terms: named rules, factoring of sums, what is known of variables."""

from .facts import Facts
from .reusing import Reuse
from .simplifier import Simplifier

__all__ = ["Facts", "Reuse", "Simplifier"]
