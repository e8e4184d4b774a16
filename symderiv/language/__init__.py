"""The expression language: text to expressions and problems."""

from .problem import ClaimText, Problem, problem

__all__ = ["ClaimText", "Problem", "problem"]
