"""The expression language: text to expressions and problems."""

from .files import load_file, load_text
from .problem import ClaimText, Problem, problem
