"""Claims to verdicts: is a derivative that somebody wrote right, and if not, what went wrong?"""

from .checker import Checker
from .targets import about_text
from .verdict import ClaimLine, Counterexample, Verdict
