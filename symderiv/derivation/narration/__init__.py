"""Index terms to a derivation that people can follow: stages, entries, and the steps between."""

from .renaming import Alike, Renaming, alike, canonical, cotangent_names, essential
from .sections import Narration, Section, narrate
from .steps import Act, Step
