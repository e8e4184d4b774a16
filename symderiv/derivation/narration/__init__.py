"""The derivation as data: stages, entries, and the steps that lead from one to the next."""

from .renaming import Alike, Renaming, alike, canonical, cotangent_names, essential
from .sections import Narration, Section, narrate
from .steps import Step

__all__ = [
    "Alike",
    "Narration",
    "Renaming",
    "Section",
    "Step",
    "alike",
    "canonical",
    "cotangent_names",
    "essential",
    "narrate",
]
