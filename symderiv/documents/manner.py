"""How a document is told: in which style, with how much of its lemmas, in which notation."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import MissingRuleError

STYLES = ("index", "differential", "entries", "all")
COTANGENTS = ("d", "bar", "delta", "partial")
LEMMAS = ("none", "short", "full")


@dataclass(frozen=True)
class Manner:
    """How a derivation is told.

    ``style`` is ``index`` (numbered steps with Kronecker deltas), ``differential`` (all gradients
    at once, by inner products), ``entries`` (the matrices written out) or ``all``. ``lemmas`` says
    how much is printed of the derivatives of functions. Raises MissingRuleError for another.

    >>> Manner("differential").shows("index"), Manner("all").shows("index")
    (False, True)
    """

    style: str = "index"
    lemmas: str = "short"
    cotangent: str = "d"  # of Z: dZ, Z with a bar, delta with the index Z, or partial L by Z
    exercise: bool = False  # whether lines to fill in come first, and all of this as the solution

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        for what, asked, known in (
            ("document style", self.style, STYLES),
            ("length of lemmas", self.lemmas, LEMMAS),
            ("notation of cotangents", self.cotangent, COTANGENTS),
        ):
            if asked not in known:
                raise MissingRuleError(
                    f"there is no {what} {asked!r}", remedy=f"choose {' or '.join(known)}"
                )

    def shows(self, style: str) -> bool:
        """Whether a style is among those asked for."""
        return self.style in (style, "all")

    def recorded(self) -> dict[str, str]:
        """Return what a certificate says of it: what is not the usual."""
        usual = {"style": Manner.style, "lemmas": Manner.lemmas}
        return {n: getattr(self, n) for n, x in usual.items() if getattr(self, n) != x}

    @property
    def written_cotangent(self) -> str:
        """How cotangents are written: beside differentials dZ, that of Z has another name."""
        plain = self.cotangent == "d"
        return "bar" if plain and self.shows("differential") else self.cotangent


PLAIN = Manner()
