"""Stacks: a network of equal blocks, each with its own parameters, made from the problem of one.

Contract: the result is a problem like any other, read from its text again, so that every shape is
checked; the number of a block stands behind every name of it (``W1_2`` is W1 of block 2). Knows no
calculus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..core.errors import DeclarationError, InputError, ShapeError, UnknownNameError
from ..core.expr import Expr, node, var, walk
from ..core.shapes import SCALAR, Shape, describe
from ..ops.text import text
from . import Problem
from .declarations import Declarations
from .elaborate import CONSTANTS
from .grammar import LONGEST
from .problem import build

_OUTPUTS = ("Z", "Y", "H", "Out", "Output")  # for an output that the writer did not name
_REMEDY = 'say which: input="X", output="Z"'


@dataclass(frozen=True, slots=True)
class _Block:
    """What one copy is made of: what it computes, what is its own, and what feeds it."""

    problem: Problem
    definitions: Mapping[str, Expr]  # the problem's, with the output among them
    objective: Expr
    input: str
    output: str
    shared: tuple[str, ...]

    def inside(self) -> dict[str, Expr]:
        """Return the definitions that the output is computed from, and the output."""
        needed = {self.output}
        for name in [*self.definitions][::-1]:
            if name in needed:
                needed |= _mentioned(self.definitions[name])
        return {n: x for n, x in self.definitions.items() if n in needed}

    def own(self) -> list[str]:
        """Return the variables of which every copy has its own."""
        used = {n for x in self.inside().values() for n in _mentioned(x)}
        kept = {self.input, *self.shared}
        return [n for n in self.problem.variables if n in used and n not in kept]


def stack(
    of: Problem,
    count: int,
    *,
    input: str | None = None,  # noqa: A002 - the word of the field
    output: str | None = None,
    shared: Sequence[str] | None = None,
) -> Problem:
    """Return ``count`` copies of a block, the output of each being the input of the next.

    The output is the argument of L, the input the one variable of its shape, where these are not
    given here or in the file of the problem (``[stack]``). Every copy has variables and
    intermediates of its own, except those in ``shared``: by default scalars and what is not
    differentiated by. Claims are about one block and stay with it. Raises ShapeError where the
    output does not fit the input, UnknownNameError, DeclarationError where two names would become
    one, and InputError where the input or the output cannot be told.

    >>> from symderiv import problem
    >>> block = problem("Z = X + relu(X @ W1) @ W2; L(Z)", X="n, d", W1="d, m", W2="m, d")
    >>> print(stack(block, 2).text)
    Z_1 = X + relu(X @ W1_1) @ W2_1
    Z_2 = Z_1 + relu(Z_1 @ W1_2) @ W2_2
    L(Z_2)
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"{count!r} blocks: a stack has 1 or more", remedy="stack(block, 4)")
    if count * len(of.text) > LONGEST:
        raise InputError(
            f"{count:,} blocks of {len(of.text):,} characters; the limit of a text is {LONGEST:,}",
            remedy=f"stack {max(1, LONGEST // len(of.text)):,} or fewer",
        )
    asked = of.stack
    chosen = tuple(shared) if shared is not None else asked.get("shared")
    block = _block(of, input or asked.get("input"), output or asked.get("output"), chosen)
    names = _names(block, count)
    declared, meanings = _declared(block, names, count)
    lines = _lines(block, names, count)
    upstream = next(iter(of.upstream)) if len(of.upstream) == 1 else None
    built = build(
        "\n".join(lines),
        declared,
        wrt=[new for w in of.wrt for new in names.get(w, [w])],
        title=f"{of.title}: {count} block{'s' if count > 1 else ''}",
        name=f"{of.name}-{count}-block{'s' if count > 1 else ''}",
        upstream=upstream,
        meanings=meanings,
    )
    return replace(built, source=of.source)


def _block(of: Problem, source: object, target: object, shared: Sequence[str] | None) -> _Block:
    definitions, objective, output = _with_output(of, target)
    shape = definitions[output].shape
    entry = _input(of, source, output, shape)
    if of.variables[entry].shape != shape:
        raise ShapeError(
            f"the output {output} is {describe(shape)} and the input {entry} is "
            f"{describe(of.variables[entry].shape)}: it cannot feed the next block",
            remedy="give them the same shape: declare the sizes so that they agree",
        )
    if shared is None:
        constants = [v.name for v in of.variables.values() if v.name not in of.wrt]
        shared = [*constants, *(v.name for v in of.variables.values() if v.shape == SCALAR)]
    for name in shared:
        _require(of, name, "shared between the blocks")
    block = _Block(of, definitions, objective, entry, output, tuple(shared))
    _check_rest(block)
    return block


def _with_output(of: Problem, target: object) -> tuple[dict[str, Expr], Expr, str]:
    """Return the definitions and the objective with the output among the definitions."""
    definitions, objective = dict(of.definitions), of.objective
    if target is not None:
        if target not in definitions:
            known = ", ".join(definitions) or "none"
            raise UnknownNameError(
                f"the output {target!r} is not defined in the problem",
                remedy=f"the definitions are: {known}",
            )
        return definitions, objective, str(target)
    if not objective.is_loss:
        raise InputError(
            "the output of the block cannot be told: the objective is not L(..) of it",
            remedy=_REMEDY,
        )
    value = objective.args[0]
    if value.is_name:
        return definitions, objective, str(value.data)
    taken = {*of.variables, *definitions, *of.upstream, *of.dims, of.objective_name}
    name = next(n for n in _OUTPUTS if n not in taken)
    definitions[name] = value
    output = var(name, value.shape)
    return definitions, node("loss", (output,), objective.shape, objective.data), name


def _input(of: Problem, source: object, output: str, shape: Shape) -> str:
    if source is not None:
        return _require(of, str(source), "the input")
    fitting = [v.name for v in of.variables.values() if v.shape == shape]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InputError(
            f"the input of the block cannot be told: {', '.join(fitting)} have the shape of "
            f"{output}, {describe(shape)}",
            remedy=f'say which: input="{fitting[0]}"',
        )
    shapes = ", ".join(f"{v.name} {describe(v.shape)}" for v in of.variables.values())
    raise ShapeError(
        f"no variable has the shape of the output {output}, {describe(shape)}: nothing can be "
        "fed with it",
        remedy=f"the variables are: {shapes}; give the input the shape of the output",
    )


def _require(of: Problem, name: str, what: str) -> str:
    if name not in of.variables:
        raise UnknownNameError(
            f"{what}: {name!r} is not a variable of the problem",
            remedy=f"the variables are: {', '.join(of.variables)}",
        )
    return name


def _check_rest(block: _Block) -> None:
    """Refuse an objective that uses, beside the output, what every copy has its own of."""
    inside = block.inside()
    rest = [x for n, x in block.definitions.items() if n not in inside]
    met = {n: None for x in (*rest, block.objective) for n in _mentioned(x)}
    repeated = [n for n in met if n in {*block.own(), *inside} and n != block.output]
    if repeated:
        raise InputError(
            f"the objective uses {repeated[0]}, of which every block has its own",
            remedy=f'share it (shared=["{repeated[0]}"]), or let the objective use '
            f"{block.output} only",
        )


def _mentioned(x: Expr) -> set[str]:
    """Return the names in one line: what a name stands for is not looked into."""
    return {str(e.data) for e in walk(x, Expr.is_name) if e.is_symbol}


def _names(block: _Block, count: int) -> dict[str, list[str]]:
    """Return the names that take the place of each name; raises DeclarationError on a clash."""
    of = block.problem
    numbered = [*block.own(), *block.inside()]
    found = {n: [f"{n}_{k}" for k in range(1, count + 1)] for n in numbered}
    others = [n for n in (*of.variables, *block.definitions) if n not in found]
    declared = (*of.declared.losses, *of.declared.entrywise)
    taken = dict.fromkeys((*others, *of.dims, *of.upstream, *declared, *CONSTANTS), "")
    for name, copies in found.items():
        for copy in copies:
            if copy in taken:
                other = taken[copy]
                raise DeclarationError(
                    f"a copy of {name} would be called {copy}, as "
                    + (f"a copy of {other}" if other else "something else is already"),
                    remedy=f"rename {other or copy} in the problem of the block",
                )
            taken[copy] = name
    return found


def _declared(
    block: _Block, names: Mapping[str, list[str]], count: int
) -> tuple[Declarations, dict[str, str]]:
    """Return the declarations of all blocks and the meanings of what is not declared."""
    of, declared, meanings = block.problem, Declarations(), {}
    for name in of.declared.losses:
        declared.declare(name, "loss")
    for name in of.declared.entrywise:
        declared.declare(name, "entrywise")
    for v in of.variables.values():
        shape = " ".join([", ".join(map(str, v.written)) or "scalar", *v.properties])
        for k, copy in enumerate(names.get(v.name, [v.name]), 1):
            part = f", block {k}" if v.name in names and v.meaning else ""
            declared.declare(copy, shape, v.meaning + part)
    for name, meaning in of.meanings.items():
        if name in names and name not in of.variables:
            copies = names[name]
            meanings.update({c: f"{meaning}, block {k}" for k, c in enumerate(copies, 1)})
        elif name not in of.variables:
            meanings[name] = meaning
    return declared, meanings


def _lines(block: _Block, names: Mapping[str, list[str]], count: int) -> list[str]:
    lines: list[str] = []
    inside = block.inside()
    for k in range(count):
        here = {n: copies[k] for n, copies in names.items()}
        if k:
            here[block.input] = names[block.output][k - 1]
        lines += [f"{here[n]} = {text(with_names(x, here))}" for n, x in inside.items()]
    last = {n: copies[-1] for n, copies in names.items()}
    rest = {n: x for n, x in block.definitions.items() if n not in inside}
    lines += [f"{n} = {text(with_names(x, last))}" for n, x in rest.items()]
    return [*lines, text(with_names(block.objective, last))]


def with_names(x: Expr, names: Mapping[str, str]) -> Expr:
    """Return one line with its names replaced; a name stands for itself, without its value.

    >>> from symderiv.core.shapes import SCALAR
    >>> with_names(var("x", SCALAR), {"x": "y"})
    var('y')
    """
    done: dict[Expr, Expr] = {}
    for e in walk(x, Expr.is_name):
        if e.is_symbol:
            name = str(e.data)
            done[e] = var(names.get(name, name), e.shape)
        else:
            done[e] = node(e.op, tuple(done[a] for a in e.args), e.shape, e.data)
    return done[x]
