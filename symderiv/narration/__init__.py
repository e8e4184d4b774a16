"""The derivation as data: stages, entries, and the steps that lead from one to the next."""

from .sections import Narration, Section, narrate
from .steps import Step

__all__ = ["Narration", "Section", "Step", "narrate"]
