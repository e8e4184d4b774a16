"""Takes a function and the names of a problem; returns how to call it, by its parameters' names.

A function is called in one way at all points, settled from its signature before the first call.
Where one gradient is given, the one parameter that names nothing else is it, whatever its name. A
name with a second meaning has a second reading. Where parameters cannot be told,
UnreadableCallError says which names there are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...core.errors import InputError
from ...problems.given_gradients import derived_from, is_of_the_output, is_upstream_word

Space = Mapping[str, Any]
_EVERYTHING = ("cache", "ctx", "values", "inputs", "saved")
ALL, UNIT = "", "1"  # what a parameter may stand for besides a name: a dict of all, the number 1
_Parameter = inspect.Parameter


class UnreadableCallError(InputError):
    """What the parameters of a function stand for cannot be told."""


@dataclass(frozen=True, slots=True)
class ParameterNames:
    """The names that a function may ask for."""

    variables: Sequence[str]
    given: Sequence[str]  # given gradients
    definitions: Sequence[str]
    others: Sequence[str]  # functions, losses, sizes
    output: str | None = None  # the definition of which the one given gradient is the gradient

    @property
    def ordered(self) -> list[str]:
        """Return variables and given gradients, as they are declared."""
        return [*self.variables, *self.given]

    @property
    def every(self) -> list[str]:
        """Return all names, those of the gradients of definitions as well."""
        gradients = [f"d{n}" for n in self.definitions]
        found = [*self.ordered, *self.definitions, *gradients, *self.others]
        return list(dict.fromkeys(found))

    def find(self, parameter: str) -> str | None:
        """Return the name that a parameter is, whatever its case; None where it is none."""
        if parameter in self.every:
            return parameter
        bare = parameter.rstrip("_")
        alike = [n for n in self.every if n.lower() == bare.lower()]
        return alike[0] if len(alike) == 1 else None

    def gradient_of(self, parameter: str) -> str | None:
        """Return of which definition a parameter is called the gradient."""
        if parameter in [*self.ordered, *self.definitions]:
            return None
        return derived_from(parameter, self.definitions)

    def words(self, name: str) -> str:
        """Return in words what a name is."""
        if name == ALL:
            return "a dict of all values"
        if name == UNIT:
            return "1, the gradient of the objective itself"
        if name in self.given:
            return f"the given gradient {name}"
        if name in self.variables:
            return name
        if name in self.definitions:
            return f"the value of {name}"
        inner = name.removeprefix("d")
        if name not in self.others and inner in self.definitions:
            return f"the gradient with respect to {inner}"
        return name


@dataclass(frozen=True, slots=True)
class BackwardCall:
    """How a function is called."""

    function: Callable[..., Any]
    parameters: tuple[tuple[str, str], ...] = ()  # by name: the parameter, and what it is given
    positional: tuple[tuple[str, str], ...] = ()  # the same, in order
    rest: bool = False  # whether **kwargs takes what is left
    other: BackwardCall | None = None  # a second reading of the names ..
    because: str = ""  # .. and what it takes for granted
    fallback: BackwardCall | None = None  # another way to call it, where this one raises
    is_turned: bool = False  # whether the given gradient has one axis for two, or two for one

    @property
    def takes_all(self) -> bool:
        """Whether it is given every value there is, in a dict or by name."""
        return self.rest or ALL in self.needed

    @property
    def needed(self) -> list[str]:
        """Return the names it is given; ALL stands for a dict of all."""
        return [n for _, n in (*self.positional, *self.parameters)]

    def __call__(self, space: Space) -> Any:
        """Call the function on values by name."""
        full = {ALL: dict(space), UNIT: 1.0, **space}
        named = {p: full[n] for p, n in self.parameters}
        if self.rest:
            named.update({n: x for n, x in space.items() if n not in self.needed})
        return self.function(*(full[n] for _, n in self.positional), **named)

    def told(self, names: ParameterNames) -> str:
        """Return what every parameter was read as, in words."""
        parts = []
        for parameter, name in (*self.positional, *self.parameters):
            words = names.words(name)
            parts.append(words if words == parameter else f"{parameter} = {words}")
        return ", ".join([*parts, *(["the rest by name"] if self.rest else [])])


def call_of(function: Callable[..., Any], names: ParameterNames) -> BackwardCall:
    """Return how a function is called; raises UnreadableCallError where that cannot be told."""
    in_order = BackwardCall(function, positional=tuple((n, n) for n in names.ordered))
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return in_order
    if any(p.kind == _Parameter.VAR_POSITIONAL for p in parameters):
        return in_order
    plain = [p for p in parameters if p.kind != _Parameter.VAR_KEYWORD]
    reader = _Reader(function, names, plain)
    call = reader.call()
    return replace(call, rest=len(plain) < len(parameters))


class _Reader:
    """Reads the parameters of one function."""

    def __init__(
        self,
        function: Callable[..., Any],
        names: ParameterNames,
        plain: Sequence[inspect.Parameter],
    ) -> None:
        self.function, self.names, self.plain = function, names, plain
        self.required = [p.name for p in plain if p.default is _Parameter.empty]
        self.found = {p.name: n for p in plain if (n := self._plain_meaning(p)) is not None}

    def _plain_meaning(self, p: inspect.Parameter) -> str | None:
        found = self.names.find(p.name)
        if found is None and p.name in _EVERYTHING:
            # A dict of saved values is given to a function that cannot do without.
            return ALL if p.name in self.required else None
        return found

    @property
    def unknown(self) -> list[str]:
        return [p for p in self.required if p not in self.found]

    def call(self) -> BackwardCall:
        if len(self.required) == len(self.names.ordered) == len(self.unknown) > 1:
            return self._in_order()
        alone = self.required[0] if self.required == self.unknown and len(self.unknown) == 1 else ""
        if alone and not self.names.given and not is_upstream_word(alone):
            every = self._call({alone: ALL})
            one = len(self.names.ordered) == 1
            return replace(self._in_order(), fallback=every) if one else every
        if len(self.names.given) == 1:
            call = self._with_given(self.names.given[0])
        else:
            call = self._call({}) if self.names.given else self._without_given()
        # One parameter may also stand for everything at once.
        return replace(call, fallback=self._call({alone: ALL})) if alone else call

    def _with_given(self, given: str) -> BackwardCall:
        chosen = None if given in self.found.values() else self._upstream()
        if chosen is None:
            return self._call({})
        call = self._call({chosen: given})
        inner = self.names.gradient_of(chosen)
        if inner in (None, self.names.output) or is_of_the_output(chosen):
            return call
        other = self._call({chosen: f"d{inner}"})
        return replace(
            call, other=other, because=f"{chosen} is the gradient with respect to {inner}"
        )

    def _upstream(self) -> str | None:
        """Return the parameter that is the given gradient, which it cannot do without.

        A local variable may have given its name to it: then a word for the gradient of the output
        comes first, then a parameter that is nothing else, then the gradient of a definition. A
        default does not keep such a word from being it, as in ``dout=1.0``, where no other is.
        """
        with_defaults = [p.name for p in self.plain if p.name not in self.required]
        words = [p for p in with_defaults if is_upstream_word(p)]
        return self._upstream_among(self.required) or self._upstream_among(words)

    def _upstream_among(self, parameters: Sequence[str]) -> str | None:
        names = self.names
        free = [p for p in parameters if self.found.get(p) not in names.ordered]
        derived = [p for p in free if names.gradient_of(p) is not None]
        nothing = [p for p in parameters if p not in self.found and p not in derived]
        first = (
            [p for p in free if is_of_the_output(p)],
            [p for p in derived if names.gradient_of(p) == names.output],
            [p for p in nothing if is_upstream_word(p)],
            nothing,
        )
        last = (derived, [p for p in free if is_upstream_word(p)])
        choices: list[list[str]] = [*first, *(() if nothing else last)]
        return next((some[0] for some in choices if len(some) == 1), None)

    def _without_given(self) -> BackwardCall:
        """The gradient of the objective itself, where a function asks for it, is 1."""
        unknown = [p for p in self.unknown if self.names.gradient_of(p) is None]
        words = [p for p in unknown if is_upstream_word(p)]
        if len(words) == 1:
            return self._call({words[0]: UNIT})
        call = self._call({})
        outer = [p for p in self.required if is_of_the_output(p) and self.names.gradient_of(p)]
        if len(outer) == 1:
            other = self._call({outer[0]: UNIT})
            return replace(call, other=other, because=f"{outer[0]} is 1")
        return call

    def _call(self, chosen: Mapping[str, str]) -> BackwardCall:
        meanings = {**self.found, **chosen}
        for p in self.required:
            inner = self.names.gradient_of(p)
            if p not in meanings and inner is not None:
                meanings[p] = f"d{inner}"
        unknown = [p for p in self.required if p not in meanings]
        if unknown:
            raise _unclear(self.function, unknown, self.names)
        met = [(p, meanings[p.name]) for p in self.plain if p.name in meanings]
        twice = [n for k, (_, n) in enumerate(met) if n and n in [m for _, m in met[:k]]]
        if twice:
            who = name_of(self.function)
            raise UnreadableCallError(f"two parameters of {who} stand for {twice[0]}")
        only = _Parameter.POSITIONAL_ONLY
        return BackwardCall(
            self.function,
            tuple((p.name, n) for p, n in met if p.kind != only),
            tuple((p.name, n) for p, n in met if p.kind == only),
        )

    def _in_order(self) -> BackwardCall:
        """All parameters have names of their own: they come in order, save the given gradient."""
        ordered = self.names.ordered
        words = [k for k, p in enumerate(self.required) if is_upstream_word(p)]
        if len(self.names.given) == len(words) == 1:
            ordered = [n for n in ordered if n not in self.names.given]
            ordered.insert(words[0], self.names.given[0])
        return BackwardCall(
            self.function, positional=tuple(zip(self.required, ordered, strict=True))
        )


def _unclear(
    function: Callable[..., Any], unknown: Sequence[str], names: ParameterNames
) -> UnreadableCallError:
    order = ", ".join(names.ordered)
    return UnreadableCallError(
        f"it cannot be told what {name_of(function)} takes as {', '.join(map(repr, unknown))}",
        remedy=f"name its parameters among {', '.join(names.every)}; "
        f"or take all of {order} in this order, or one dict",
    )


def name_of(function: Callable[..., Any]) -> str:
    """Return how a function is called in words."""
    return str(getattr(function, "__name__", type(function).__name__))
