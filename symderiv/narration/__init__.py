"""The derivation as data: stages, entries, and the steps that lead from one to the next."""

from .sections import Narration, Section, Step, narrate

__all__ = ["Narration", "Section", "Step", "narrate"]
