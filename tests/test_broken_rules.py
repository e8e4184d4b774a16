"""Rules of the calculus, broken on purpose: the comparison with SymPy's entries sees every one.

A case breaks one rule in one way and poses problems that use it; it is caught when the gradients
of one of them differ from the entry road. The same problems agree while nothing is broken.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

from symderiv.calculus import contraction_rule
from symderiv.core.errors import DisagreementError
from symderiv.core.expr import Expr, node, num, number
from symderiv.core.shapes import ONE
from symderiv.derivation.derivations import DerivedGradients
from symderiv.entries import compare_all, small_sizes
from symderiv.entries.compare import Sizes
from symderiv.evidence.verification import check_roads
from symderiv.ops import TABLE
from symderiv.ops.arithmetic import PowerCall
from symderiv.ops.base import ENTRYWISE, Pointwise
from symderiv.ops.crossentropy import CrossEntropyCall
from symderiv.ops.decompositions import (
    CholeskyCall,
    EigenvaluesCall,
    EigenvectorsCall,
    PrimaryCall,
    SylvesterCall,
)
from symderiv.ops.distributions import PolygammaCall
from symderiv.ops.entrywise import EntrywiseCall, WhereCall
from symderiv.ops.extremes import ProductOfOthersCall
from symderiv.ops.functions import ApplyCall, LossCall
from symderiv.ops.inverses import AdjugateCall, DetCall, InvCall, LogdetCall
from symderiv.ops.joining import ConcatCall, PartCall
from symderiv.ops.matrices import MatrixPowerCall, PinvCall, TriangleCall
from symderiv.ops.matrix_axes import RULES, AxesLayout
from symderiv.ops.networks import RowNorm
from symderiv.ops.norms import NormCall, PNormCall, SingularCall
from symderiv.ops.products import CrossCall
from symderiv.ops.reshaping import ReshapeCall
from symderiv.ops.shaping import HeadsCall
from symderiv.ops.softmax import softmax
from symderiv.ops.special import SeveralCall
from symderiv.problems.problem import Problem, problem
from symderiv.tensor import (
    COLUMN,
    ROW,
    Factor,
    Scale,
    Term,
    Value,
    add,
    call,
    constant,
    contract,
    delta,
    factors_of,
    leaf,
    monomial,
    product,
    scaled,
    spread,
    unit,
    zero,
)
from symderiv.tensor.contractions import _Contraction

DECLARED = {
    "X": "n, d", "Y": "n, d", "A": "n, n", "B": "n, n", "x": "n", "y": "n", "s": "scalar",
    "f": "entrywise", "T": "t, n, d", "H": "n, h*k",
}  # fmt: skip
MINUS, TWICE = Scale(Fraction(-1)), Scale(Fraction(2))
# The package exports functions of these names, so the modules are asked for by theirs.
REVERSE = importlib.import_module("symderiv.calculus.reverse")
TERMS = importlib.import_module("symderiv.tensor.contractions")

Breaking = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Case:
    """One rule, one way to break it, and problems of which at least one must show it."""

    rule: str
    flaw: str
    breaking: Breaking
    texts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule}: {self.flaw}"


def read(text: str) -> Problem:
    return problem(text, **{k: v for k, v in DECLARED.items() if _occurs(k, text)})


def _occurs(name: str, text: str) -> bool:
    words = "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
    return name in words


def disagrees(text: str, among: Iterable[Sizes] = (), first: int | None = None) -> Sizes | None:
    """Return the sizes (up to 3, or among some) where the gradients differ from the entry road."""
    p = read(text)
    candidates = {n: r.expr for n, r in DerivedGradients(p).items()}
    for sizes in among or small_sizes(p, *candidates.values())[:first]:
        if not all(c.agrees for c in compare_all(p, candidates, [sizes]).values()):
            return sizes
    return None


@cache
def agrees_unbroken(text: str, *sizes: tuple[str, int]) -> bool:
    return disagrees(text, [dict(sizes)]) is None


def caught_by(case: Case) -> tuple[str, Sizes]:
    """Return the first problem that shows a case and where it does, or nothing.

    Most flaws show at the smallest sizes of one of the problems.
    """
    for text, first in [*((t, 1) for t in case.texts), *((t, None) for t in case.texts)]:
        with pytest.MonkeyPatch.context() as patch:
            case.breaking(patch)
            sizes = disagrees(text, first=first)
            if sizes is not None:
                return text, sizes
    return "", {}


# Terms that are wrong in a way that any rule can be ----------------------------------------------


def negated(t: Term) -> Term:
    return scaled(t, MINUS)


def doubled(t: Term) -> Term:
    return scaled(t, TWICE)


def forgotten(t: Term) -> Term:
    return zero(t.dims)


def shifted(t: Term, by: int = 1) -> Term:
    return add([t, constant(Scale(Fraction(by)), t.dims)])


def multiplied(t: Term) -> Term:
    """Return a term times the size of its first axis, or times 3."""
    return scaled(t, Scale.of(t.dims[0]) if t.dims else Scale(Fraction(3)))


def turned(t: Term) -> Term:
    """Return a term of two equal axes with the axes exchanged."""
    return contract([Factor(t, (1, 0))], (0, 1), dict(enumerate(t.dims)))


FLAWS: dict[str, Callable[[Term], Term]] = {
    "sign flipped": negated,
    "doubled": doubled,
    "forgotten": forgotten,
    "one too many": shifted,
    "one too few": lambda t: shifted(t, -1),
}

# No sign and no factor of zero can be told from another; what is added to it can.
ZERO_FLAWS: dict[str, Callable[[Term], Term]] = {
    f"{k} instead": lambda t, k=k: shifted(t, k) for k in (1, -1, 2, 3)
}

# Derivatives of entrywise functions --------------------------------------------------------------

ENTRYWISE_FLAWS: dict[str, Callable[[Any], Any]] = {
    "sign flipped": lambda d: lambda x, y: -d(x, y),
    "doubled": lambda d: lambda x, y: d(x, y) * 2,
    "dropped": lambda d: lambda x, y: x**0,
    "one too many": lambda d: lambda x, y: d(x, y) + 1,
    "multiplied by the argument": lambda d: lambda x, y: d(x, y) * x,
    "argument and output exchanged": lambda d: lambda x, y: d(y, x),
}
# A slope of 0 has no sign and no factor.
CONSTANT_FLAWS: dict[str, Callable[[Any], Any]] = {
    f"{k} instead": lambda d, k=k: lambda x, y: x**0 * k for k in (1, -1, 2, 3)
}
# relu(x) > 0 exactly where x > 0, so its derivative may be taken at either.
# The output of arccos lies outside its domain, so that derivative is defined nowhere; that of
# normal_pdf is minus the product of both.
HARMLESS = {(name, "argument and output exchanged") for name in ("relu", "arccos", "normal_pdf")}


def entrywise_breaking(name: str, flaw: Callable[[Any], Any]) -> Breaking:
    def lower(e: Expr, args: Sequence[Value]) -> Value:
        body = args[0]
        rule = ENTRYWISE[name](e.data)
        broken = replace(rule, derivative=flaw(rule.derivative))
        return Value(call(broken, (body.term,), body.term.dims), e.shape, body.loose)

    return lambda patch: patch.setitem(TABLE, name, replace(TABLE[name], lower=lower))


def entrywise_cases() -> Iterator[Case]:
    for name in ENTRYWISE:
        for words, flaw in (CONSTANT_FLAWS if name == "sign" else ENTRYWISE_FLAWS).items():
            if (name, words) not in HARMLESS:
                texts = (f"dot({name}(X), Y)", f"sum({name}({name}(x) * y))")
                if TABLE[name].domain == "unit":
                    texts = texts[:1]
                yield Case(f"derivative of {name}", words, entrywise_breaking(name, flaw), texts)


# Pullbacks of functions that are not entrywise ---------------------------------------------------

Pull = Callable[[Any, Term, int, Term], Term]


def unit_cotangent(rule: Pull) -> Pull:
    return lambda self, node_, k, c: rule(self, node_, k, constant(Scale(), c.dims))


def squared_cotangent(rule: Pull) -> Pull:
    return lambda self, node_, k, c: rule(self, node_, k, monomial((c, 2)))


PULLBACK_FLAWS: dict[str, Callable[[Pull], Pull]] = {
    **{
        words: lambda rule, flaw=flaw: lambda self, node_, k, c: flaw(rule(self, node_, k, c))
        for words, flaw in FLAWS.items()
    },
    "cotangent dropped": unit_cotangent,
    "cotangent used twice": squared_cotangent,
}


def power_flaws() -> dict[str, Pull]:
    rule = PowerCall.pullback

    def exponent_kept(self: PowerCall, node_: Term, k: int, c: Term) -> Term:
        return (
            monomial((c, 1), (node_.children[1], 1), (node_, 1))
            if not k
            else rule(self, node_, k, c)
        )

    def factor_dropped(self: PowerCall, node_: Term, k: int, c: Term) -> Term:
        base, exponent = node_.children
        lower = (Pointwise(exponent) - 1).term
        rest = call(self, (base, lower), node_.dims)
        return monomial((c, 1), (rest, 1)) if not k else rule(self, node_, k, c)

    def log_dropped(self: PowerCall, node_: Term, k: int, c: Term) -> Term:
        return monomial((c, 1), (node_, 1)) if k else rule(self, node_, k, c)

    def log_of_the_output(self: PowerCall, node_: Term, k: int, c: Term) -> Term:
        log = Pointwise(node_).apply("log").term
        return monomial((c, 1), (node_, 1), (log, 1)) if k else rule(self, node_, k, c)

    return {
        "exponent not lowered": exponent_kept,
        "factor of the exponent dropped": factor_dropped,
        "logarithm dropped": log_dropped,
        "logarithm of the output": log_of_the_output,
        "base and exponent exchanged": lambda self, node_, k, c: rule(self, node_, 1 - k, c),
    }


def norm_flaws() -> dict[str, Pull]:
    def with_power(exponent: int) -> Pull:
        def pull(self: NormCall, node_: Term, k: int, c: Term) -> Term:
            body = node_.children[0]
            labels = tuple(range(len(body.dims)))
            parts = [Factor(c, ()), Factor(body, labels), Factor(node_, (), Fraction(exponent))]
            return contract(parts, labels, dict(enumerate(body.dims)))

        return pull

    def without_argument(self: NormCall, node_: Term, k: int, c: Term) -> Term:
        body = node_.children[0]
        labels = tuple(range(len(body.dims)))
        parts = [Factor(c, ()), Factor(node_, (), Fraction(-1))]
        return contract(parts, labels, dict(enumerate(body.dims)))

    return {
        "not divided by the norm": with_power(0),
        "multiplied by the norm": with_power(1),
        "divided by the squared norm": with_power(-2),
        "argument dropped": without_argument,
    }


def where_flaws() -> dict[str, Pull]:
    rule = WhereCall.pullback

    def other_branch(self: WhereCall, node_: Term, k: int, c: Term) -> Term:
        return rule(self, node_, k if k < 2 else 5 - k, c)

    def both_branches(self: WhereCall, node_: Term, k: int, c: Term) -> Term:
        return rule(self, node_, k, c) if k < 2 else c

    def comparison_has_a_slope(self: WhereCall, node_: Term, k: int, c: Term) -> Term:
        return rule(self, node_, k, c) if k >= 2 else c

    def comparison_reversed(self: WhereCall, node_: Term, k: int, c: Term) -> Term:
        left, right, *pair = node_.children
        return rule(self, call(self, (right, left, *pair), node_.dims), k, c)

    return {
        "the branch that is not taken": other_branch,
        "both branches": both_branches,
        "a comparison with a slope": comparison_has_a_slope,
        "comparison reversed": comparison_reversed,
    }


def loss_flaws() -> dict[str, Pull]:
    rule = LossCall.pullback

    def transposed(self: LossCall, node_: Term, k: int, c: Term) -> Term:
        found = rule(self, node_, k, c)
        return turned(found) if found.dims[:1] == found.dims[1:] else found

    def argument_for_gradient(self: LossCall, node_: Term, k: int, c: Term) -> Term:
        body = node_.children[0]
        labels = tuple(range(len(body.dims)))
        return contract([Factor(c, ()), Factor(body, labels)], labels, dict(enumerate(body.dims)))

    def squared_gradient(self: LossCall, node_: Term, k: int, c: Term) -> Term:
        found = rule(self, node_, k, constant(Scale()))
        labels = tuple(range(len(found.dims)))
        parts = [Factor(c, ()), Factor(found, labels, Fraction(2))]
        return contract(parts, labels, dict(enumerate(found.dims)))

    return {
        "gradient transposed": transposed,
        "argument for its gradient": argument_for_gradient,
        "gradient squared": squared_gradient,
    }


def apply_flaws() -> dict[str, Pull]:
    def of_order(step: int) -> Pull:
        def pull(self: ApplyCall, node_: Term, k: int, c: Term) -> Term:
            letter, order = self.data
            slope = call(ApplyCall((letter, order + step)), node_.children, node_.dims)
            return monomial((c, 1), (slope, 1))

        return pull

    def at_the_output(self: ApplyCall, node_: Term, k: int, c: Term) -> Term:
        letter, order = self.data
        slope = call(ApplyCall((letter, order + 1)), (node_,), node_.dims)
        return monomial((c, 1), (slope, 1))

    return {
        "f for f'": of_order(0),
        "f'' for f'": of_order(2),
        "f' at the output": at_the_output,
    }


def row_norm_flaws() -> dict[str, Pull]:
    plain = RowNorm.pullback

    def names_exchanged(self: RowNorm, node_: Term, k: int, c: Term) -> Term:
        return plain(RowNorm({"layernorm": "rmsnorm"}.get(self.name, "layernorm")), node_, k, c)

    def argument_for_output(self: RowNorm, node_: Term, k: int, c: Term) -> Term:
        return plain(self, node_, k, monomial((c, 1), (node_.children[0], 1)))

    return {"mean kept or taken off": names_exchanged, "argument joins in": argument_for_output}


def cross_entropy_flaws() -> dict[str, Pull]:
    plain = CrossEntropyCall.pullback

    def exchanged(self: CrossEntropyCall, node_: Term, k: int, c: Term) -> Term:
        return plain(self, node_, 1 - k, c)

    def rows_sum_to_one(self: CrossEntropyCall, node_: Term, k: int, c: Term) -> Term:
        logits, targets = node_.children
        share = Scale.of(logits.dims[0], -1)
        both = [softmax(logits), scaled(targets, MINUS)]
        return (
            scaled(monomial((add(both), 1), (c, 1)), share) if k == 0 else plain(self, node_, k, c)
        )

    return {"arguments exchanged": exchanged, "rows taken to sum to 1": rows_sum_to_one}


PULLBACKS: dict[type, tuple[dict[str, Pull], tuple[str, ...]]] = {
    PowerCall: (power_flaws(), ("dot(X ** s, Y)", "sum(2 ** x * y)", "dot(X ** Y, Y)")),
    NormCall: (norm_flaws(), ("s * norm(X)", "norm(A @ x) ** 2")),
    WhereCall: (
        where_flaws(),
        ("dot(where(X > Y, X * Y, 2 * X), Y)", "sum(where(x < y, x * x, y * x) * x)"),
    ),
    LossCall: (loss_flaws(), ("s * L(X * X)", "s * L(A @ B)")),
    ApplyCall: (apply_flaws(), ("dot(f(X), Y)", "sum(fp(x * y) * x)")),
    SeveralCall: (
        {},
        ("dot(maximum(X, Y), Y)", "dot(leaky_relu(X, s), Y)", "sum(minimum(x, y) * x)"),
    ),
    PolygammaCall: ({}, ("dot(digamma(X * X), Y)", "sum(polygamma(2, x * x) * y)")),
    PNormCall: ({}, ("norm(x * x, 3) * s", "norm(x, 4) ** 2")),
    CrossCall: ({}, ("sum(cross(x @ ones(3).T, y @ concat(s, s * s, 2, axis=0).T) ** 2)",)),
    ProductOfOthersCall: ({}, ("dot(prod_others(X), Y)", "sum(prod_others(x, y) * y)")),
    CrossEntropyCall: (
        cross_entropy_flaws(),
        ("s * cross_entropy(X, Y)", "cross_entropy(X * X, Y) ** 2"),
    ),
    InvCall: ({}, ("dot(inv(A), B)",)),
    DetCall: ({}, ("s * det(A)",)),
    LogdetCall: ({}, ("s * logdet(A)",)),
    AdjugateCall: ({}, ("dot(adjugate(A), B)",)),
    PinvCall: ({}, ("dot(pinv(X), Y.T)",)),
    MatrixPowerCall: ({}, ("dot(matrix_power(A, 6), B)",)),
    TriangleCall: ({}, ("dot(tril(A), B)",)),
    CholeskyCall: ({}, ("dot(cholesky(A @ A.T + eye(n)), B)",)),
    PrimaryCall: ({}, ("dot(sqrtm(A @ A.T + eye(n)), B)",)),
    EigenvaluesCall: ({}, ("dot(eigvalsh(A), x)",)),
    EigenvectorsCall: ({}, ("dot(eigvecsh(A), B)",)),
    SingularCall: ({}, ("dot(polar(X), Y)", "dot(right_singular(A), x)")),
    SylvesterCall: ({}, ("dot(sylvester(A, eye(n), B), A)",)),
    ReshapeCall: ({}, ("L(reshape(T * T, t*n, d))", "L(reshape(X * X, d, n, 1))")),
    ConcatCall: ({}, ("L(concat(X * X, A, axis=1))",)),
    PartCall: ({}, ("L(part(concat(X * X, A, axis=1), 0, d, axis=1))",)),
    HeadsCall: ({}, ("L(split_heads(H * H, h))", "L(merge_heads(T * T))")),
    RowNorm: (row_norm_flaws(), ("dot(layernorm(X, s * s), Y)", "dot(rmsnorm(X, s * s), Y)")),
}


def pullback_cases() -> Iterator[Case]:
    for kind, (own, texts) in PULLBACKS.items():
        rule = kind.pullback  # type: ignore[attr-defined]
        general = {words: flaw(rule) for words, flaw in PULLBACK_FLAWS.items()}
        for words, broken in {**general, **own}.items():

            def breaking(patch: pytest.MonkeyPatch, kind: type = kind, new: Pull = broken) -> None:
                patch.setattr(kind, "pullback", new)

            yield Case(f"pullback of {kind.__name__}", words, breaking, texts)

    rule = EntrywiseCall.pullback
    for words, flaw in PULLBACK_FLAWS.items():

        def entrywise(patch: pytest.MonkeyPatch, flaw: Callable[[Pull], Pull] = flaw) -> None:
            patch.setattr(EntrywiseCall, "pullback", flaw(rule))

        texts = ("dot(tanh(X), Y)", "sum(sin(exp(x) * y))")
        yield Case("pullback of EntrywiseCall", words, entrywise, texts)


# Functions along axes: one rule for each, all in one call

SPREAD = ("sum(std(concat(X, Y, axis=0), axis=0) ** 2 * s)", "sum(std(concat(X, Y, axis=1)) * Y)")
ALONG = ("dot({name}(X, axis=0), Y)", "sum({name}(X, axis=1) * Y)", "sum({name}(x, axis=0) * y)")


def along_cases() -> Iterator[Case]:
    for name, rule in RULES.items():
        zero_slope = name.endswith("_mask")

        def plain(self: Any, node_: Term, k: int, c: Term, rule: Any = rule) -> Term:
            return rule(AxesLayout(node_.children[0], node_.data.data), node_, c)

        general = {words: flaw(plain) for words, flaw in PULLBACK_FLAWS.items()}
        if zero_slope:
            general = {
                words: lambda self, node_, k, c, flaw=flaw: flaw(zero(node_.dims))
                for words, flaw in ZERO_FLAWS.items()
            }
        for words, new in general.items():

            def broken(layout: AxesLayout, node_: Term, c: Term, new: Pull = new) -> Term:
                return new(None, node_, 0, c)

            texts = tuple(t.format(name=TABLE[name].spelled or name) for t in ALONG)
            if name == "std":  # of one number it has no derivative
                texts = SPREAD
            yield Case(
                f"pullback of {name}",
                words,
                lambda patch, name=name, broken=broken: patch.setitem(RULES, name, broken),
                texts[:1] if TABLE[name].axis == "keeps" else texts[1:],
            )


# The contraction rule ----------------------------------------------------------------------------

Rule = Callable[[Term, int, Term], Term]


def contraction(
    *,
    other_factors: bool = True,
    cotangent: bool = True,
    exponent: Callable[[Fraction], Fraction] = lambda e: e,
    lowered: int = 1,
    scale: Callable[[Scale], Scale] = lambda s: s,
    apart: bool = True,
    keep_target: bool = False,
    turn_cotangent: bool = False,
    turn_others: bool = False,
) -> Rule:
    """Return the contraction rule, written once more, with one part of it left out or wrong."""

    def rule(node_: Term, position: int, c: Term) -> Term:
        whole, factors, all_dims = factors_of(node_)
        whole = scale(whole)
        dims: dict[Any, Any] = dict(enumerate(all_dims))
        target = factors[position]
        parts = [f for k, f in enumerate(factors) if (k != position or keep_target)]
        if not other_factors:
            parts = []
        if turn_others:
            parts = [Factor(f.term, f.labels[::-1], f.exponent) for f in parts]
        if target.exponent != 1:
            parts.append(Factor(target.term, target.labels, target.exponent - lowered))
            whole = whole * Scale(exponent(target.exponent))
        ends = tuple(range(len(node_.dims)))
        if cotangent:
            parts.append(Factor(c, ends[::-1] if turn_cotangent else ends))
        out: list[Any] = []
        for slot, label in enumerate(target.labels):
            if label in out:
                fresh = ("again", slot)
                dims[fresh] = target.term.dims[slot]
                if apart:
                    parts.append(Factor(delta(dims[fresh]), (label, fresh)))
                label = fresh
            out.append(label)
        return contract(parts, out, dims, whole)

    return rule


def turned_result(node_: Term, position: int, c: Term) -> Term:
    found = contraction_rule(node_, position, c)
    return turned(found) if found.dims[:1] == found.dims[1:] else found


def only_the_first(node_: Term, position: int, c: Term) -> Term:
    return (
        contraction_rule(node_, position, c)
        if not position
        else zero(node_.children[position].dims)
    )


PRODUCT = ("sum((X * Y) * (A @ X))", "x.T @ A @ y")
CONTRACTION: dict[str, tuple[Rule, tuple[str, ...]]] = {
    **{
        words: (lambda n, k, c, flaw=flaw: flaw(contraction_rule(n, k, c)), PRODUCT)
        for words, flaw in {**FLAWS, "multiplied by a size": multiplied}.items()
    },
    "other factors dropped": (contraction(other_factors=False), PRODUCT),
    "cotangent dropped": (contraction(cotangent=False), ("L(A @ X)", "s * (x.T @ y)")),
    "scale dropped": (contraction(scale=lambda s: Scale()), ("3 * mean(X * Y)",)),
    "sizes of the scale dropped": (contraction(scale=lambda s: Scale(s.value)), ("mean(X * Y)",)),
    "scale squared": (contraction(scale=lambda s: s * s), ("mean(X * Y)",)),
    "power not counted": (contraction(exponent=lambda e: Fraction(1)), ("sum(X ** 3)",)),
    "power counted with the wrong sign": (
        contraction(exponent=lambda e: -e),
        ("sum(X ** 3)", "sum(Y / X)"),
    ),
    "power not lowered": (contraction(lowered=0), ("sum(X ** 3)",)),
    "power lowered twice": (contraction(lowered=2), ("sum(X ** 3)",)),
    "power raised": (contraction(lowered=-1), ("sum(1 / X)",)),
    "repeated index not told apart": (
        contraction(apart=False),
        ("trace(A)", "trace(A) * s", "sum(diag(A) * x)"),
    ),
    "factor itself kept": (contraction(keep_target=True), PRODUCT),
    "cotangent transposed": (contraction(turn_cotangent=True), ("L(A @ B)",)),
    "other factors transposed": (contraction(turn_others=True), ("x.T @ A @ B @ y",)),
    "result transposed": (turned_result, ("trace(A @ B)", "x.T @ A @ y")),
    "only the first factor": (only_the_first, PRODUCT),
}


def contraction_cases() -> Iterator[Case]:
    for words, (rule, texts) in CONTRACTION.items():

        def breaking(patch: pytest.MonkeyPatch, new: Rule = rule) -> None:
            patch.setattr(REVERSE, "contraction_rule", new)

        yield Case("contraction rule", words, breaking, texts)


# Sums, names, and the gathering of cotangents ----------------------------------------------------


def sum_rule(flaw: Callable[[Term, int, Term], Term], kind: str = "add") -> Breaking:
    pull = REVERSE._pull

    def broken(node_: Term, position: int, c: Term) -> Term:
        return flaw(node_, position, c) if node_.kind == kind else pull(node_, position, c)

    return lambda patch: patch.setattr(REVERSE, "_pull", broken)


def gathering(flaw: Callable[[list[Term]], list[Term]]) -> Breaking:
    return lambda patch: patch.setattr(REVERSE, "add", lambda terms: add(flaw(list(terms))))


def seed(flaw: Callable[[Term], Term]) -> Breaking:
    plain = REVERSE.constant
    return lambda patch: patch.setattr(
        REVERSE, "constant", lambda scale, dims: flaw(plain(scale, dims))
    )


SUM_TEXTS = ("L(2 * A @ X - 3 * X * Y + exp(Y))", "L(mean(X) * Y - 5 * Y)")
NAME_TEXTS = ("Z = A @ X; L(Z * Z)",)
PATHS = ("sum(tanh(X) * sin(X) * Y) + sum(exp(X))", "x.T @ A @ x")
SUMS: dict[tuple[str, str], tuple[Breaking, tuple[str, ...]]] = {
    ("rule of sums", "scale dropped"): (sum_rule(lambda n, k, c: c), SUM_TEXTS),
    ("rule of sums", "scale inverted"): (
        sum_rule(lambda n, k, c: scaled(c, n.data[k].power(-1))), SUM_TEXTS),
    ("rule of sums", "scale of another summand"): (
        sum_rule(lambda n, k, c: scaled(c, n.data[k - 1])), SUM_TEXTS),
    ("rule of sums", "scale squared"): (
        sum_rule(lambda n, k, c: scaled(c, n.data[k] * n.data[k])), SUM_TEXTS),
    ("rule of sums", "only the first summand"): (
        sum_rule(lambda n, k, c: scaled(c, n.data[k]) if not k else zero(c.dims)), SUM_TEXTS),
    ("rule of sums", "divided by the number of summands"): (
        sum_rule(lambda n, k, c: scaled(c, n.data[k] * Scale(Fraction(1, len(n.children))))),
        SUM_TEXTS),
    **{
        ("rule of sums", words): (
            sum_rule(lambda n, k, c, flaw=flaw: flaw(scaled(c, n.data[k]))), SUM_TEXTS)
        for words, flaw in FLAWS.items()
    },
    **{
        ("rule of names", words): (
            sum_rule(lambda n, k, c, flaw=flaw: flaw(c), kind="named"), NAME_TEXTS)
        for words, flaw in {**FLAWS, "multiplied by a size": multiplied}.items()
    },
    ("rule of names", "the value for its cotangent"): (
        sum_rule(lambda n, k, c: n, kind="named"), NAME_TEXTS),
    ("sum over paths", "only the first path"): (gathering(lambda ts: ts[:1]), PATHS),
    ("sum over paths", "only the last path"): (gathering(lambda ts: ts[-1:]), PATHS),
    ("sum over paths", "one path counted twice"): (gathering(lambda ts: [*ts, ts[0]]), PATHS),
    ("sum over paths", "paths subtracted"): (
        gathering(lambda ts: [ts[0], *map(negated, ts[1:])]), PATHS),
    **{
        ("cotangent of the objective", words): (seed(flaw), ("sum(X * Y)",))
        for words, flaw in FLAWS.items()
    },
}  # fmt: skip


def sum_cases() -> Iterator[Case]:
    for (rule, words), (breaking, texts) in SUMS.items():
        yield Case(rule, words, breaking, texts)


# Deltas and powers inside contractions -----------------------------------------------------------


def method(name: str, flaw: Callable[[Any], Any]) -> Breaking:
    """Return the breaking of one method of a contraction under construction."""
    plain = getattr(_Contraction, name)
    return lambda patch: patch.setattr(_Contraction, name, flaw(plain))


def deltas_ignored(sift: Any) -> Any:
    def broken(self: Any) -> Any:
        self.deltas.clear()
        return sift(self)

    return broken


def free_deltas_ignored(sift: Any) -> Any:
    def broken(self: Any) -> Any:
        sift(self)
        return []

    return broken


def sifted_and_counted(sift: Any) -> Any:
    def broken(self: Any) -> Any:
        dims = [self.dims[a] for a, _ in self.deltas]
        for dim in dims:
            self.scale = self.scale * Scale.of(dim)
        return sift(self)

    return broken


def deltas_negated(sift: Any) -> Any:
    def broken(self: Any) -> Any:
        if len(self.deltas) % 2:
            self.scale = self.scale * MINUS
        return sift(self)

    return broken


def powers_not_gathered(multiply: Any) -> Any:
    def broken(self: Any, factor: Factor) -> None:
        key = (factor.term, factor.labels)
        if key not in self.powers:
            multiply(self, factor)

    return broken


def exponents(change: Callable[[Fraction], Fraction]) -> Callable[[Any], Any]:
    def flaw(multiply: Any) -> Any:
        def broken(self: Any, factor: Factor) -> None:
            multiply(self, Factor(factor.term, factor.labels, change(factor.exponent)))

        return broken

    return flaw


def unused(count: Any, change: Callable[[Scale], Scale]) -> Any:
    """Return the counting of indices that nothing carries, with another scale."""

    def broken(self: Any, factors: list[Factor]) -> None:
        before, self.scale = self.scale, Scale()
        count(self, factors)
        self.scale = before * change(self.scale)

    return broken


def units(change: Callable[[list[Factor]], list[Factor] | None]) -> Breaking:
    """Return the breaking of what happens where unit vectors stand."""
    plain = TERMS._gather_units

    def broken(factors: list[Factor]) -> list[Factor] | None:
        several = sum(f.term.kind == "unit" for f in factors)
        return change(factors) if several else plain(factors)

    return lambda patch: patch.setattr(TERMS, "_gather_units", broken)


UNUSED = ("sum(ones(n, d) * s)", "sum(X + s) ** 2")
DELTAS = ("trace(A @ B)", "sum(diag(x) @ X * Y)", "trace(A + 2 * eye(n)) * s + trace(A) ** 2",
          "Sum(i, Sum(j, delta(i, j) * A[i, j])) ** 2")  # fmt: skip
POWERS = ("sum(X * X * Y)", "sum(X ** 3 * Y)", "sum(Y / X)")
UNITS = ("sum((onehot(1, n) * onehot(1, n)) * x) ** 2", "(onehot(1, n).T @ onehot(2, n)) * s + s")
PARTS: dict[tuple[str, str], tuple[Breaking, tuple[str, ...]]] = {
    ("deltas", "ignored"): (method("_sift", deltas_ignored), DELTAS),
    ("deltas", "ignored on free indices"): (method("_sift", free_deltas_ignored), DELTAS),
    ("deltas", "counted by their range"): (method("_sift", sifted_and_counted), DELTAS),
    ("deltas", "sign flipped"): (method("_sift", deltas_negated), DELTAS),
    **{
        ("indices that nothing carries", words): (
            method("_count_unused", lambda plain, change=change: unused(plain, change)), UNUSED)
        for words, change in {
            "not counted": lambda s: Scale(),
            "counted twice": lambda s: s * s,
            "divided by": lambda s: s.power(-1),
            "subtracted": lambda s: s * MINUS,
        }.items()
    },
    **{
        ("unit vectors", words): (units(change), UNITS)
        for words, change in {
            "never orthogonal": lambda found: [
                f for k, f in enumerate(found) if f.term.kind != "unit" or not k
            ],
            "always orthogonal": lambda found: None,
            "dropped": lambda found: [f for f in found if f.term.kind != "unit"],
            "moved to the first place": lambda found: [
                Factor(unit(1, f.term.dims[0]), f.labels) if f.term.kind == "unit" else f
                for f in found
            ],
        }.items()
    },
    ("powers in contractions", "not gathered"): (
        method("multiply", powers_not_gathered), POWERS),
    ("powers in contractions", "dropped"): (
        method("multiply", exponents(lambda e: Fraction(1) if e else e)), POWERS),
    ("powers in contractions", "sign flipped"): (
        method("multiply", exponents(lambda e: -e)), POWERS),
    ("powers in contractions", "doubled"): (
        method("multiply", exponents(lambda e: 2 * e)), POWERS),
    ("powers in contractions", "absolute"): (method("multiply", exponents(abs)), POWERS),
    ("nested contractions", "merged under any power"): (
        lambda patch: (
            patch.setattr(_Contraction, "_merges", staticmethod(lambda t, e: e.denominator == 1)),
            patch.setattr(_Contraction, "_merge", merged_factor_by_factor)),
        ("sum((A @ x) ** 3)", "sum((x.T @ y) ** 2 * x)")),
    ("nested contractions", "scale forgotten"): (
        lambda patch: patch.setattr(Scale, "power", lambda self, e: Scale()),
        ("sum((2 * X) ** 2 * Y)",)),
    ("nested contractions", "scale not raised"): (
        lambda patch: patch.setattr(Scale, "power", lambda self, e: self),
        ("sum((2 * X) ** 2 * Y)",)),
    ("nested contractions", "power of the inside dropped"): (
        method("_merge", lambda merge: lambda self, f: merge(self, Factor(f.term, f.labels))),
        ("sum((2 * X * Y) ** 2)",)),
    **{
        ("like terms", words): (
            lambda patch, change=change: patch.setattr(
                TERMS, "summands", lambda t, plain=TERMS.summands: change(plain(t))),
            ("L(2 * X * Y - 5 * X * Y + 7 * X)", "sum(3 * X)"))
        for words, change in {
            "counted once": lambda found: [(Scale(Fraction(1), s.sizes), b) for s, b in found],
            "counted with the wrong sign": lambda found: [(s * MINUS, b) for s, b in found],
            "counted twice": lambda found: found * 2,
            "forgotten": lambda found: [],
        }.items()
    },
}  # fmt: skip


def merged_factor_by_factor(self: _Contraction, factor: Factor) -> None:
    """Merge a power of a sum as if it were the sum of the powers."""
    scale, inner, dims = factors_of(factor.term)
    self.scale = self.scale * scale.power(int(factor.exponent))
    names = dict(enumerate(factor.labels))
    for k in range(len(factor.labels), len(dims)):
        names[k] = object()
        self.dims[names[k]] = dims[k]
    for f in inner:
        labels = tuple(names[x] for x in f.labels)
        self.multiply(Factor(f.term, labels, f.exponent * factor.exponent))


def part_cases() -> Iterator[Case]:
    for (rule, words), (breaking, texts) in PARTS.items():
        yield Case(rule, words, breaking, texts)


# The lowering of every operator ------------------------------------------------------------------


def lowering(name: str, flaw: Callable[[Value], Value]) -> Breaking:
    operator = TABLE[name]

    def lower(e: Expr, args: Sequence[Value]) -> Value:
        return flaw(operator.lower(e, args))

    return lambda patch: patch.setitem(TABLE, name, replace(operator, lower=lower))


def rewritten(name: str, change: Callable[[Expr, Sequence[Value]], Value]) -> Breaking:
    return lambda patch: patch.setitem(TABLE, name, replace(TABLE[name], lower=change))


def on_term(flaw: Callable[[Term], Term]) -> Callable[[Value], Value]:
    return lambda v: Value(flaw(v.term), v.shape, v.loose)


def exchanged(v: Value) -> Value:
    """Return a square matrix transposed, anything else as it is."""
    if v.shape[0] != v.shape[1] or v.shape[0] == ONE:
        return v
    return product([(v, COLUMN, ROW)], v.shape)


def with_data(name: str, change: Callable[[Any], Any]) -> Breaking:
    """Return the lowering of a node as if it carried other data: another index or axis."""
    return rewritten(
        name,
        lambda e, args, lower=TABLE[name].lower: lower(
            node(e.op, e.args, e.shape, change(e.data)), args
        ),
    )


def with_arguments(name: str, change: Callable[[list[Value]], list[Value]]) -> Breaking:
    def lower(e: Expr, args: Sequence[Value], plain: Any = TABLE[name].lower) -> Value:
        return plain(e, change(list(args)))

    return rewritten(name, lower)


def first_argument(e: Expr, args: Sequence[Value]) -> Value:
    return spread([args[0]], e.shape)[0]


def first_turned(args: list[Value]) -> list[Value]:
    return [exchanged(args[0]), *args[1:]]


def last_index(data: Any) -> Any:
    """Return positions moved from 1 to 2; names of indices stay."""
    if isinstance(data, tuple):
        return tuple(map(last_index, data[:2])) + data[2:]
    return 2 if data == 1 else data


def power_of(change: Callable[[Fraction], Fraction], name: str) -> Breaking:
    def lower(e: Expr, args: Sequence[Value], plain: Any = TABLE[name].lower) -> Value:
        if len(e.args) < 2 or e.args[1].op != "num":
            return plain(e, args)
        new = (e.args[0], num(change(number(e.args[1]))))
        return plain(node(e.op, new, e.shape), args)

    return rewritten(name, lower)


def as_power(exponent: Fraction) -> Callable[[Expr, Sequence[Value]], Value]:
    return lambda e, args: product([(args[0], ROW, COLUMN)], e.shape, exponents=(exponent,))


HALF = Fraction(1, 2)
MORE_SAMPLES: Mapping[str, tuple[str, ...]] = {
    "matmul": ("A @ B @ X", "A @ B"),
    "add": ("A + B @ X @ X.T",),
    "mul": ("A * B @ X",),
    "transpose": ("A.T @ X", "A.T"),
    "trace": ("trace(A @ B) * X",),
    "diag": ("diag(x) @ X", "diag(A) * x"),
    "entry": ("X[1, 1] * X", "A[1, 2] * X", "x[1] * X"),
    "row": ("A[1, :] @ X",),
    "column": ("A[:, 1].T @ X",),
    "where": ("where(X > Y, X * Y, Y)",),
    "var": ("A @ X",),
    "eye": ("eye(n) @ X", "A * eye(n)"),
    "zeros": ("zeros(n, d) * X",),
    "size": ("n * d * X",),
}
OWN: dict[str, dict[str, Breaking]] = {
    "add": {"only the first term": rewritten("add", first_argument)},
    "mul": {"only the first factor": rewritten("mul", first_argument)},
    "div": {
        "only the numerator": rewritten("div", first_argument),
        "numerator and denominator exchanged": rewritten(
            "div", lambda e, args: product(
                [(a, ROW, COLUMN) for a in args], e.shape, exponents=(-1, 1))),
        "product for quotient": rewritten(
            "div", lambda e, args: product([(a, ROW, COLUMN) for a in args], e.shape)),
    },
    "neg": {"sign dropped": rewritten("neg", first_argument)},
    "pow": {
        "exponent dropped": rewritten("pow", first_argument),
        "exponent raised": power_of(lambda k: k + 1, "pow"),
        "exponent negated": power_of(lambda k: -k, "pow"),
    },
    "sqrt": {
        "argument for output": rewritten("sqrt", first_argument),
        "square for root": rewritten("sqrt", as_power(Fraction(2))),
    },
    "square": {
        "argument for output": rewritten("square", first_argument),
        "root for square": rewritten("square", as_power(HALF)),
        "cube for square": rewritten("square", as_power(Fraction(3))),
    },
    "matmul": {
        "first factor transposed": with_arguments("matmul", first_turned),
    },
    "transpose": {"square matrices not turned": lowering("transpose", exchanged)},
    "entry": {
        "wrong position": with_data("entry", last_index),
        "row and column exchanged": with_arguments("entry", first_turned),
    },
    "row": {
        "wrong position": with_data("row", last_index),
        "column for row": with_arguments("row", first_turned),
    },
    "column": {
        "wrong position": with_data("column", last_index),
        "row for column": with_arguments("column", first_turned),
    },
    "onehot": {"wrong position": with_data("onehot", last_index)},
    "dot": {
        "sum of the first": rewritten(
            "dot", lambda e, args: product([(args[0], "i", "j")], e.shape)),
        "first with itself": rewritten(
            "dot", lambda e, args: product([(args[0], "i", "j")] * 2, e.shape)),
    },
    "norm": {
        "squared": rewritten(
            "norm", lambda e, args: product([(args[0], "i", "j")] * 2, e.shape)),
        "sum of the entries": rewritten(
            "norm", lambda e, args: product([(args[0], "i", "j")], e.shape)),
    },
    "trace": {
        "sum of all entries": rewritten(
            "trace", lambda e, args: product([(args[0], "i", "j")], e.shape)),
    },
    "mean": {"not divided": rewritten("mean", TABLE["sum"].lower)},
    "sum": {"divided": rewritten("sum", TABLE["mean"].lower)},
    "where": {
        "branches exchanged": with_arguments("where", lambda a: [a[0], a[1], a[3], a[2]]),
        "comparison reversed": with_arguments("where", lambda a: [a[1], a[0], a[2], a[3]]),
        "always the first": rewritten("where", lambda e, args: spread([args[2]], e.shape)[0]),
    },
    "size": {
        "inverted": rewritten("size", lambda e, args: Value(
            constant(Scale.of(e.data, -1)), e.shape)),
    },
    "const": {
        "another constant": rewritten("const", lambda e, args: Value(
            leaf(node("const", (), e.shape, "e"), ()), e.shape)),
    },
    "var": {
        "entries permuted": lowering("var", exchanged),
    },
    "loss": {"of one argument for another": rewritten(
        "loss", lambda e, args: product([(args[0], "i", "j")], e.shape))},
}  # fmt: skip

# A constant that is added does not change a gradient that is written in terms of the value.
LOWER_FLAWS: dict[str, Callable[[Term], Term]] = {
    "sign flipped": negated,
    "doubled": doubled,
    "forgotten": forgotten,
    "multiplied by a size": multiplied,
}


def lower_cases() -> Iterator[Case]:
    for name, operator in TABLE.items():
        if operator.internal:
            continue
        own = MORE_SAMPLES.get(name, ())
        # A loss inside a loss would be told apart by its number alone.
        around = AROUND[1:] if name == "loss" else AROUND
        texts = tuple(posed(s, a) for s in (*own, *operator.samples) for a in around)
        flaws = ZERO_FLAWS if name == "zeros" else LOWER_FLAWS
        general = {words: lowering(name, on_term(flaw)) for words, flaw in flaws.items()}
        for words, breaking in {**general, **OWN.get(name, {})}.items():
            yield Case(f"lowering of {name}", words, breaking, texts)


# A cubic shows signs, factors and constants; the loss is cheap and shows the rest.
AROUND = ("L({})", "sum(({}) ** 3)")


def posed(sample: str, around: str) -> str:
    *definitions, last = sample.split("; ")
    return "; ".join([*definitions, around.format(last)])


CASES: list[Case] = [
    *entrywise_cases(),
    *pullback_cases(),
    *along_cases(),
    *contraction_cases(),
    *sum_cases(),
    *part_cases(),
    *lower_cases(),
]
LEAST_FLAWS = 4


def reproduction(*texts: str) -> str:
    declared = ", ".join(f"{n}={v!r}" for n, v in DECLARED.items())
    return "\n".join(f"problem({t!r}, {declared})" for t in texts)


@pytest.mark.sampled(by="rule")
@pytest.mark.parametrize(("rule", "case"), [(c.rule, c) for c in CASES], ids=map(str, CASES))
def test_broken_rule_is_caught(rule: str, case: Case) -> None:
    text, sizes = caught_by(case)
    assert text, f"{rule} is not seen at any of\n{reproduction(*case.texts)}"
    unbroken = f"differs with nothing broken: {reproduction(text)}"
    assert agrees_unbroken(text, *sizes.items()), unbroken


def test_disagreement_stops_a_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    check_roads(DerivedGradients(read(PRODUCT[0])), patterns=False)
    monkeypatch.setattr(REVERSE, "contraction_rule", contraction(other_factors=False))
    with pytest.raises(DisagreementError, match="the two roads disagree"):
        check_roads(DerivedGradients(read(PRODUCT[0])), patterns=False)


def test_every_rule_is_broken_in_four_ways_at_least() -> None:
    counts = Counter(case.rule for case in CASES)
    assert {rule: n for rule, n in counts.items() if n < LEAST_FLAWS} == {}
    assert {f"derivative of {name}" for name in ENTRYWISE} <= set(counts)
    lowered = {f"lowering of {name}" for name, op in TABLE.items() if not op.internal}
    assert lowered <= set(counts)
