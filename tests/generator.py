"""Random well-shaped expressions over the whole operator table, and how to check them.

Every sample of the table is a template: its variables are slots, and a random expression of the
same shape is put into each. An operator takes part because it is in the table. What a slot may
hold is found out by trying: a template that is defined where its slots are 0 and negative takes
anything, one that needs numbers off 0, positive ones or ones below 1 gets them through a guard.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from random import Random
from typing import Any

import test_table

from symderiv import derive
from symderiv.calculus import lower
from symderiv.core.cells import each
from symderiv.core.errors import MissingRuleError, SymderivError
from symderiv.core.expr import (
    Expr,
    add,
    dims_of,
    free_indices,
    matmul,
    mul,
    named,
    neg,
    node,
    rebuild,
    transpose,
    var,
    walk,
    with_args,
)
from symderiv.core.shapes import ONE, SCALAR
from symderiv.ops import TABLE
from symderiv.ops.text import text
from symderiv.problems.grammar import parse, prepared
from symderiv.problems.problem import Problem, problem
from symderiv.problems.scope import settle
from symderiv.tensor import Term
from symderiv.tensor.terms import is_whole
from symderiv.values.explicit import Dual, DualMath, Explicit, same
from symderiv.values.sampling import least_sizes

OUTSIDE_DOMAIN = (ZeroDivisionError, TypeError, ValueError, OverflowError, ArithmeticError)
SLOTS = test_table.DECLARED
# What a random problem may be written in; a shape that is not here gets names of its own.
NAMES = {
    "n, d": ("X", "Y"), "d, n": ("U", "V"), "n, n": ("A", "B"), "d, d": ("C", "D"),
    "n": ("x", "y"), "d": ("v", "w"), "1, n": ("P",), "1, d": ("Q",), "scalar": ("s", "r"),
}  # fmt: skip
CONSTANTS = {
    "n, d": ("ones(n, d)", "ones(n) @ v.T"), "d, n": ("X.T",), "n, n": ("eye(n)", "A.T"),
    "d, d": ("C.T", "eye(d)"), "n": ("ones(n)", "X @ v"), "d": ("X.T @ y",),
    "1, n": ("x.T", "y.T"), "1, d": ("v.T", "X[1, :]"), "scalar": ("2", "-0.5", "n", "pi"),
}  # fmt: skip
# A scalar made of anything.
AROUND = (
    "L({})", "L({})", "sum({})", "sum(square({}))", "mean({0} * {0})", "L({0}) * sum({0})",
    "log(1 + sum(square({})))",
)  # fmt: skip
PUBLIC = tuple(op.name for op in TABLE.values() if not op.internal)
LONGEST = 600  # characters of a problem
LONG = 10  # seconds for a problem


def shape_text(shape: tuple[Any, ...]) -> str:
    """Return a shape as it is declared."""
    dims = [str(d) for d in shape]
    if dims == ["1", "1"]:
        return "scalar"
    return ", ".join(dims[:1] if len(dims) == 2 and dims[1] == "1" else dims)


def names_of(shape: str) -> tuple[str, ...]:
    """Return the names of the variables of a shape."""
    return NAMES.get(shape) or ("V_" + re.sub(r"\W+", "_", shape),)


def declared(x: Expr) -> dict[str, str]:
    """Return the declarations that an expression needs."""
    found = {str(e.data): shape_text(e.shape) for e in walk(x) if e.op == "var"}
    letters = {e.data[0]: "entrywise" for e in walk(x) if e.op == "apply"}
    return {**found, **letters}


# Templates ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Template:
    """A sample whose variables are slots."""

    operator: str
    text: str
    declared: tuple[tuple[str, str], ...]
    shape: str
    expr: Expr
    slots: Mapping[str, Expr]

    @cached_property
    def guard(self) -> str:
        """What its slots may hold."""
        return _guard(self.expr, self.slots)

    @cached_property
    def wild(self) -> float:
        """How often its arguments are kept small."""
        if any(map(is_whole, terms(lower(self.expr).term))):
            return 1
        return 0.6 * any(TABLE[e.op].level(e) == 5 for e in walk(self.expr))

    def read(self, mark: str) -> tuple[Expr, dict[str, Expr]]:
        """Return the sample and its slots, its own indices and names told apart by a mark."""
        own = [*re.findall(r"(?:Sum|Prod)\((\w+),", self.text), *re.findall(r"(\w+) = ", self.text)]
        written = self.text
        for name in own:
            written = re.sub(rf"\b{name}\b", f"{name}{mark}", written)
        return _read(written, dict(self.declared))


def _read(written: str, variables: Mapping[str, str]) -> tuple[Expr, dict[str, Expr]]:
    *definitions, last = written.split("; ")
    p = problem("; ".join([*definitions, f"L({last})"]), **variables)
    x = p.objective.args[0]
    return x, {str(e.data): e for e in walk(x) if e.op == "var"}


def _turned(written: str) -> str:
    """Return a text with the dimensions n and d exchanged."""
    return re.sub(r"\b[nd]\b", lambda m: "d" if m[0] == "n" else "n", written)


def terms(t: Term) -> Iterator[Term]:
    """Yield a term and all that it is made of."""
    yield t
    for c in t.children:
        yield from terms(c)


@cache
def templates() -> tuple[Template, ...]:
    """Return every sample of the table, as it stands and with n and d exchanged."""
    found = []
    for op in TABLE.values():
        for sample in op.samples:
            for turn in (str, _turned):
                variables = {k: turn(v) for k, v in SLOTS.items()}
                x, slots = _read(turn(sample), variables)
                needed = tuple((k, v) for k, v in variables.items() if k in declared(x))
                shape = shape_text(x.shape)
                found.append(Template(op.name, turn(sample), needed, shape, x, slots))
    return tuple(found)


def _guard(x: Expr, slots: Mapping[str, Expr]) -> str:
    """Return the weakest guard under which a template has a value, by trying."""
    random = Random(1)

    def fractions(low: int, high: int, under: int) -> Callable[[], Fraction]:
        return lambda: Fraction(random.randint(low, high) * 7 + random.randint(1, 6), 7 * under)

    trials = {
        "none": (lambda: Fraction(0), fractions(-9, -1, 2), fractions(1, 5, 2)),
        "apart": (fractions(-9, -1, 2), fractions(1, 5, 2)),
        "positive": (fractions(1, 5, 2), fractions(0, 3, 4)),
    }
    for guard, draws in trials.items():
        if all(_has_value(x, slots, draw) for draw in draws):
            return guard
    return "unit"


def _has_value(x: Expr, slots: Mapping[str, Expr], draw: Callable[[], Fraction]) -> bool:
    for size in (2, 3):
        sizes = dict.fromkeys("ndthkmpq", size)
        values = {
            name: grid([d.at(sizes) for d in slot.shape], draw) for name, slot in slots.items()
        }
        given = {e.data[1]: values_like(e.args[0], sizes, draw) for e in walk(x) if e.op == "loss"}
        try:
            Explicit(sizes, {**values, **given}).cells(x)
        except OUTSIDE_DOMAIN:
            return False
    return True


def values_like(x: Expr, sizes: Mapping[str, int], draw: Callable[[], Fraction]) -> Any:
    return grid([d.at(sizes) for d in x.shape], draw)


def grid(sizes: list[int], draw: Callable[[], Any]) -> Any:
    """Return nested lists of drawn numbers."""
    if not sizes:
        return draw()
    return [grid(sizes[1:], draw) for _ in range(sizes[0])]


GUARDS = {
    "apart": ("tanh({}) + 2", "1 / (1 + square({}))", "exp(sin({}))"),
    "positive": ("tanh({}) + 2", "1 / (1 + square({}))", "exp(sin({}))", "softplus({}) + 0.5"),
    "unit": ("0.5 * tanh({})", "0.5 / (1 + square({}))", "0.5 * sin({})"),
    "tame": ("tanh({})", "1 / (1 + square({}))", "cos({})", "sigmoid({})"),
}


MAKERS = {"add": add, "mul": mul, "matmul": matmul, "neg": neg, "transpose": transpose}


def replaced(x: Expr, values: Mapping[Expr, Expr]) -> Expr:
    """Return an expression with parts replaced by others of their shape, built as a reader does."""

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        if old in values:
            return values[old]
        return with_args(old, args) if old.op not in MAKERS else MAKERS[old.op](*args)

    return rebuild(x, change)


# Random expressions ------------------------------------------------------------------------------


class Generator:
    """Grows random expressions; the same seed gives the same ones."""

    def __init__(self, seed: int | str, operators: Iterable[str] = PUBLIC) -> None:
        self.random = Random(f"expression {seed}")
        self._count = 0
        known = set(operators)
        self._by_shape: dict[str, dict[str, list[Template]]] = {}
        for t in templates():
            if t.operator in known:
                self._by_shape.setdefault(t.shape, {}).setdefault(t.operator, []).append(t)

    def _mark(self) -> str:
        self._count += 1
        return f"_{self._count}"

    def objective(self, depth: int, operator: str = "") -> Expr:
        """Return a random scalar, of an operator where one is asked for."""
        some = [t for t in templates() if t.operator == operator] or list(templates())
        body = self.filled(self.random.choice(some), depth - 1)
        around = self.random.choice(AROUND)
        if "(" in shape_text(body.shape):  # the size is a sum, as that of a concat: not declared
            body = node("sum", (body,), SCALAR)
        return within(around, body)

    def expression(self, shape: str, depth: int) -> Expr:
        """Return a random expression of a shape."""
        random = self.random
        known = self._by_shape.get(shape)
        if depth <= 0 or random.random() < 0.1 or (not known and shape != "scalar"):
            return self.leaf(shape)
        if shape == "scalar" and (not known or random.random() < 0.5):
            return self.objective(depth)
        operator = random.choice(sorted(known or {}))
        x = self.filled(random.choice((known or {})[operator]), depth - 1)
        if random.random() < 0.15 and x.args:
            return named(f"Z{self._mark()}", x)
        return x

    def leaf(self, shape: str) -> Expr:
        """Return a variable, or something as simple."""
        some = (*names_of(shape) * 3, *CONSTANTS.get(shape, ()))
        written = self.random.choice(some)
        variables = {n: s for s in (*NAMES, shape) for n in names_of(s)}
        used = {n: s for n, s in variables.items() if re.search(rf"\b{n}\b", written)}
        for name in "nd":
            used.setdefault("I_" + name, f"{name}, {name}")  # so that n and d are sizes
        return problem(f"L({written})", **used).objective.args[0]

    def filled(self, template: Template, depth: int) -> Expr:
        """Return a template with a random expression in each of its slots."""
        x, slots = template.read(self._mark())
        random = self.random
        deep = random.choice(sorted(slots)) if slots else ""
        values: dict[Expr, Expr] = {}
        for name, slot in slots.items():
            below = depth if name == deep else random.choice((0, 0, min(depth, 1)))
            inside = self.expression(shape_text(slot.shape), below)
            guard = template.guard
            if guard == "none" and inside.args and random.random() < template.wild:
                guard = "tame"
            if guard in GUARDS:
                inside = within(random.choice(GUARDS[guard]), inside)
            if slot.shape[0] == slot.shape[-1] != ONE and guard in ("apart", "positive"):
                inside = within(f"{{}} + 4 * eye({slot.shape[0]})", inside)
            values[slot] = inside
        return replaced(x, values)


def within(around: str, x: Expr) -> Expr:
    """Return a text with an expression in the place of ``{}``."""
    shape = shape_text(x.shape)
    hole = "hole_"
    body = problem(f"L({around.format(hole)})", **{hole: shape}).objective.args[0]
    target = next(e for e in walk(body) if e.op == "var")
    return replaced(body, {target: x})


# Problems ----------------------------------------------------------------------------------------


def written(x: Expr) -> str:
    """Return an expression in the language, with the names in it defined before it."""
    names = [e for e in walk(x) if e.op == "named"]
    return "; ".join([*(f"{e.data} = {text(e.args[0])}" for e in names), text(x)])


def posed(x: Expr) -> Problem:
    """Return the problem that has an expression as its objective, read from its text."""
    return problem(written(x), **declared(x))


def reproduction(p: Problem, *, sizes: object = None, seed: object = None) -> str:
    """Return a line that poses a problem again."""
    variables = ", ".join(f"{k}={v!r}" for k, v in declared(p.objective).items())
    at = "" if sizes is None else f"  # sizes {sizes}, seed {seed}"
    return f"\nproblem({p.text!r}, {variables}){at}"


def random_problem(seed: int | str, depth: int = 6) -> Problem:
    """Return a random problem; the operator that stands outermost changes with the seed."""
    for attempt in range(100):
        generator = Generator(f"{seed} {attempt}")
        operator = PUBLIC[seed % len(PUBLIC)] if isinstance(seed, int) else ""
        x = generator.objective(generator.random.randint(1, depth), operator)
        if _is_posed(x) and len(written(x)) <= LONGEST:
            return posed(x)
    raise AssertionError(f"no expression that is short enough for seed {seed}")


def _is_posed(x: Expr) -> bool:
    """Whether there is something to differentiate by, and every size is that of a variable."""
    variables = [e for e in walk(x) if e.op == "var"]
    sizes = {s for v in variables for d in v.shape for s in d.symbols}
    return bool(variables) and sizes >= set(dims_of(x)) - {"k"}


def used(p: Problem) -> set[str]:
    """Return the operators of a problem."""
    return {e.op for e in walk(p.objective)}


def read_back(p: Problem, result: str) -> Expr:
    """Return a result as the expression that its text states, definitions included."""
    reader = p.reader(result)
    value = None
    for statement in parse(prepared(result)):
        value = settle(reader, reader.read(statement.value))
        if statement.name:
            reader.definitions[statement.name] = value
    assert value is not None

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        if old.op == "named" and old.data not in p.definitions:
            return args[0]
        if old.op == "loss":  # the argument of an unspecified loss, written with new names
            letter, gradient = old.data  # type: ignore[misc]
            gradient = reader.gradients.get((letter, args[0]), gradient)
            return node("loss", args, old.shape, (letter, gradient))
        return with_args(old, args)

    return rebuild(value, change)


def points(p: Problem, seed: int) -> Iterator[tuple[dict[str, int], dict[str, Any]]]:
    """Yield sizes and moderate values: sizes that differ, and some with ones."""
    random = Random(f"point {seed}")
    least = least_sizes([p.objective])
    sizes = {d: 2 + k % 3 for k, d in enumerate(p.dims)}
    ones = {d: random.choice((1, 1, 2)) for d in p.dims}
    for chosen in (sizes, ones):
        at = {d: max(k, least.get(d, 1)) for d, k in chosen.items()}
        given = [*((n, v.shape) for n, v in p.variables.items()),
                 *((n, v.shape) for n, v in p.upstream.items())]  # fmt: skip
        yield (
            at,
            {
                n: grid(
                    [d.at(at) for d in shape], lambda: Fraction(random.randint(-40, 40) or 7, 23)
                )
                for n, shape in given
            },
        )


def flat(cells: Any) -> list[Any]:
    """Return the numbers in nested lists."""
    return [x for part in cells for x in flat(part)] if isinstance(cells, list) else [cells]


def slope(p: Problem, sizes: Mapping[str, int], values: Mapping[str, Any], name: str, seed: int
          ) -> tuple[Any, list[Fraction]]:  # fmt: skip
    """Return the slope of the objective along a random direction of one variable."""
    random = Random(f"direction {seed} {name}")
    direction = [Fraction(random.randint(-9, 9), 7) for _ in flat(values[name])]
    along = iter(direction)
    lifted = dict(values)
    lifted[name] = each(lambda v: Dual(v, next(along)), values[name])
    found = Explicit(sizes, lifted, math=DualMath()).cells(p.objective)
    return Dual.of(flat(found)[0]).slope, direction


@dataclass
class Checked:
    """How many gradients of a problem were compared, and what was wrong with one of them."""

    gradients: int = 0
    missing: str = ""
    slow: bool = False
    problem: str = ""


def check(p: Problem, seed: int) -> Checked:
    """Compare every gradient of a problem with slopes; one that takes too long counts for none."""
    try:
        with at_most(LONG):
            return compared(p, seed)
    except TooSlowError:
        return Checked(slow=True)


def compared(p: Problem, seed: int) -> Checked:
    """Compare every gradient of a problem with slopes, and its text with what it parses to."""
    found = Checked()
    try:
        derivation = derive(p)
    except MissingRuleError as error:
        return Checked(missing=str(error).splitlines()[0])
    done = set()
    for sizes, values in points(p, seed):
        for name, result in derivation.items():
            try:
                expected, direction = slope(p, sizes, values, name, seed)
                at = Explicit(sizes, values)
                gradient = [Dual.of(x).value for x in flat(at.cells(result.expr))]
                again = at.cells(read_back(p, result.text))
            except OUTSIDE_DOMAIN:
                continue
            total = sum((g * u for g, u in zip(gradient, direction, strict=True)), Fraction(0))
            line = reproduction(p, sizes=sizes, seed=seed)
            if not same(total, expected):
                found.problem = f"slope: {total}, not {expected}: d/d{name} = {result.text}{line}"
                return found
            if not all(map(same, gradient, (Dual.of(x).value for x in flat(again)))):
                found.problem = f"text: another value when read: {result.text}{line}"
                return found
            done.add(name)
    found.gradients = len(done)
    return found


class TooSlowError(Exception):
    """A point at which the functions of matrices take very long in 150 digits."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop what takes longer, where the system has an alarm clock."""

    def stop(*_: object) -> None:
        raise TooSlowError

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def failure(p: Problem, seed: int) -> str:
    """Return what is wrong with a problem, an exception included, or nothing."""
    try:
        return check(p, seed).problem
    except Exception as error:  # noqa: BLE001 - whatever is raised is a finding, and is shrunk
        return f"{type(error).__name__}: {error}{reproduction(p)}"


def shrunk(p: Problem, seed: int, wrong: Callable[[Problem, int], str] = failure) -> str:
    """Return what is wrong with the smallest problem found that is still wrong."""
    message = wrong(p, seed)
    kind = message.split(":")[0]
    for _ in range(30):
        smaller = (q for q in _smaller(p) if wrong(q, seed).startswith(kind))
        found = next(smaller, None)
        if found is None:
            break
        p, message = found, wrong(found, seed)
    return message


def _smaller(p: Problem) -> Iterator[Problem]:
    """Yield problems with one part replaced by a variable, or by a part of it."""
    x = p.objective
    for e in sorted(walk(x), key=lambda e: -sum(1 for _ in walk(e))):
        simple = [a for a in e.args if a.shape == e.shape]
        if not e.args or free_indices(e):
            continue
        name = names_of(shape_text(e.shape))[0]
        for instead in (*simple, var(name, e.shape)):
            try:
                q = posed(replaced(x, {e: instead}))
            except SymderivError:
                continue
            if len(q.text) < len(p.text) and q.objective.is_scalar:
                yield q
