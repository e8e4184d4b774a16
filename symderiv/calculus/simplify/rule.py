"""A rule is a name, a law, and a function that takes a term and returns an equal one, or None."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...tensor import Parts, Term
from .facts import Facts
from .readable_size import Sizes
from .readings import Readings


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What a rule may ask: the facts, sizes and readings of terms, how a term reads simplified."""

    facts: Facts
    sizes: Sizes
    readings: Readings
    simplified: Callable[[Term], Term]


Apply = Callable[[Parts, RuleContext], Term | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rewriting of a contraction, with the law that makes it true.

    ``needs`` are features (``features``) of which a contraction must have one for the rule to
    apply at all; a rule without them is always tried.
    """

    name: str
    law: str
    apply: Apply
    needs: tuple[str, ...] = ()


def features(term: Term, facts: Facts) -> frozenset[str]:
    """Return what can be seen of a contraction without taking it apart.

    The kinds of its factors ("add", "call"), the names of functions among them ("inv()"), and
    "facts" where something is known of variables.
    """
    found = {c.kind for c in term.children}
    if "call" in found:
        found.update(c.data.name + "()" for c in term.children if c.is_call)
    if facts.properties:
        found.add("facts")
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class CallRule:
    """A named rewriting of a call of a function, with the law that makes it true."""

    name: str
    law: str
    apply: Callable[[Term, RuleContext], Term | None]


@dataclass(frozen=True, slots=True)
class SumRule:
    """A named rewriting of a sum, with the law that makes it true."""

    name: str
    law: str
    apply: Callable[[Term, RuleContext], Term | None]
