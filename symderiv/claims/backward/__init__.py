"""Backward functions of arrays, written by hand, against the derivation."""

from .checking import check_backward
from .report import BackwardVerdict, BackwardVerdicts

__all__ = ["BackwardVerdict", "BackwardVerdicts", "check_backward"]
