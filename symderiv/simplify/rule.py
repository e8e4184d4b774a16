"""What a rule of simplification is: a name, a law, and a function from one term to an equal one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..tensor import Term
from .assumptions import Facts
from .parts import Parts
from .size import Sizes


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may ask: the facts, the size of a term, and how a term reads simplified."""

    facts: Facts
    sizes: Sizes
    simplified: Callable[[Term], Term]


Apply = Callable[[Parts, Context], Term | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rewriting of a contraction, with the law that makes it true."""

    name: str
    law: str
    apply: Apply


@dataclass(frozen=True, slots=True)
class CallRule:
    """A named rewriting of a call of a function, with the law that makes it true."""

    name: str
    law: str
    apply: Callable[[Term, Context], Term | None]
