"""Backward functions of arrays, written by hand, to verdicts on each gradient they compute."""

from .checking import check_backward
from .report import BackwardVerdict, BackwardVerdicts
