"""The entry road: a problem to SymPy entries, their derivatives, and the pattern they share.

It knows nothing of the index road: both read the problem, and meet only in ``compare``.
"""

from .compare import Comparison, Mismatch, agrees, compare_all, small_sizes
from .entry_matrices import EntryRoad, ExplicitEntries, explicit_entries, gradient_entries
from .families import Family, FamilyFactor
from .generalise import Pattern, Roads, find_pattern, generalise, names_of, typical_sizes
