"""Claims: is a gradient that somebody wrote right, and if not, what went wrong."""

from .check import Checker
from .verdict import Counterexample, Verdict

__all__ = ["Checker", "Counterexample", "Verdict"]
