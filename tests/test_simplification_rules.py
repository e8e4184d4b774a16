"""Every rule of simplification: it fires at its sample, keeps the value, and is caught when broken.

The rules are iterated, so that one without a sample fails. Values are compared with the entry
road, which knows nothing of them.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from generator import Generator, declared, flat, points, replaced, shape_text, slope, written
from test_broken_rules import doubled, forgotten, negated, shifted

from symderiv.calculus.simplify import Facts
from symderiv.calculus.simplify.rules import CALL_RULES, RULES, SUM_RULES
from symderiv.core.errors import MissingRuleError
from symderiv.derivation.derivations import DerivedGradients
from symderiv.entries import compare_all, small_sizes
from symderiv.problems.problem import Problem, problem
from symderiv.tensor import Term
from symderiv.values.explicit import Dual, Explicit, same
from symderiv.values.sampling import point

SIMPLIFIER = importlib.import_module("symderiv.calculus.simplify.simplifier")
SETS = {"RULES": RULES, "CALL_RULES": CALL_RULES, "SUM_RULES": SUM_RULES}
NAMES = [rule.name for rules in SETS.values() for rule in rules]
DECLARED = {
    "X": "n, d", "Y": "n, d", "A": "n, n", "B": "n, n", "x": "n", "y": "n", "s": "scalar",
    "Q": "n, n orthogonal", "b": "n binary", "w": "n onehot",
    "c": "n pm1",
}  # fmt: skip
SAMPLES: dict[str, tuple[str, ...]] = {
    "inverse-cancels": ("sum(inv(A) @ A * B)", "trace(inv(A) @ B @ A) * trace(inv(A))"),
    "names-join": ("J = det(A); log(J) ** 2", "p = sigmoid(x); sum(log(1 - p) * y)"),
    "names-fold": ("t = exp(x); r = sum(t); p = t / r; sum(y * log(p))",),
    "inverses-join": ("logdet(inv(A) + B)", "logdet(eye(n) + inv(A) @ B)"),
    "ratio-cancels": ("log(sum(x * y)) * sum(x * y)", "sum(X / sum(X)) * s"),
    "orthogonal-cancels": ("sum(Q.T @ Q @ A * B)", "norm(Q @ x) ** 2"),
    "quotient": ("sum(log(cosh(X)) * Y)",),
    "logistic": ("sum(log(1 + exp(X)) * Y)", "sum(log(1 + exp(-x)) * y)"),
    "logistic-of-minus": ("sum(sigmoid(-x) * exp(x))", "sum(sigmoid(-X) * exp(X)) * s"),
    "reflected": ("sum(sigmoid(-x) * exp(x))",),
    "softmax": ("log(sum(exp(x))) * s", "sum(log(sum(exp(X), axis=1)) * x)"),
    "shares": ("cross_entropy(X, softmax(Y))", "cross_entropy(x.T, w.T)"),
    "powers-join": ("sum(X * X ** s)", "sum(x ** x)"),
    "shared-cancels": ("sum(Y * log(softmax(X)))", "sum(x * y / softmax(x, axis=0))"),
    "clear-fractions": ("sum(x * log(1 + y / x))",),
    "sum-of-sum": ("sum((X - mean(X, axis=0)) ** 2)",),
    "signs": ("sum(abs(X) ** 2 * Y)",),
    "relu": ("sum(relu(X) ** 2 * Y)",),
    "binary-powers": ("sum(b ** 3 * x * b)",),
    "signs-square": ("sum((c * x) ** 2)", "sum(x / c)", "sum(c ** 3 * x * x)"),
    "undone": ("sum(exp(x) ** y)",),
    "commuting": ("trace(A @ expm(s * A)) * s",),
    "part": ("norm(tril(A)) ** 2", "norm(triu(A)) ** 2"),
    "block": (
        "sum(part(concat(x, x * y, axis=0), n, n, axis=0) * x)",
        "sum(concat(x, y, axis=0) ** 2)",
    ),
    "identity-block": ("trace(concat(concat(A, B, axis=1), concat(B, A, axis=1), axis=0))",),
    "zero-blocks": ("y.T @ part(concat(A, B, axis=0) @ x, 0, n, axis=0)",),
    "zeros-outside": ("sum(A * part(concat(B * B, X @ Y.T, axis=0) @ Q, 0, n, axis=0))",),
    "blocks": ("z = concat(A, B, axis=0) @ x; part(z, 0, n, axis=0).T @ part(z, n, n, axis=0)",),
    "spread": ("sum(2 ** X)",),
    "halves": ("sum(where(X > 0, X, 0) + where(X > 0, 0, X) * X)",),
    "expanded": ("sum(layernorm(X, 1) * (Y - mean(Y, axis=1)))",),
    "one-denominator": ("sum(x / (1 + x * y))",),
    "rest": ("trace(A @ inv(A + B))", "y.T @ inv(B - 3 * A) @ A @ x"),
}
VARIANTS = 8
PREPARED = {"reflected"}  # by logistic-of-minus
# Rules that ask the facts; without asking they fire where the property is not known.
CONDITIONS = {
    "orthogonal-cancels": "sum(B.T @ B @ A * A)",
    "binary-powers": "sum(x ** 3 * y)",
    "signs-square": "sum((x * y) ** 2)",
    "shares": "sum(sum(X * y, axis=1) * sum(Y)) * s",
}


def read(text: str) -> Problem:
    words = set("".join(c if c.isalnum() else " " for c in text).split())
    return problem(text, **{k: v for k, v in DECLARED.items() if k in words})


def agrees(p: Problem) -> bool:
    """Whether gradients agree with the entry road at every small size."""
    candidates = {n: r.expr for n, r in DerivedGradients(p).items()}
    found = (compare_all(p, candidates, [sizes]) for sizes in small_sizes(p, *candidates.values()))
    return all(c.agrees for by in found for c in by.values())


def patched(patch: pytest.MonkeyPatch, name: str, change: Callable[[Any], Any]) -> None:
    """Change what one rule does."""
    for key, rules in SETS.items():
        new = tuple(replace(r, apply=change(r.apply)) if r.name == name else r for r in rules)
        patch.setattr(SIMPLIFIER, key, new)


def counting(counts: Counter[str], name: str) -> Callable[[Any], Any]:
    def change(apply: Any) -> Any:
        def counted(term: Any, context: Any) -> Any:
            found = apply(term, context)
            counts[name] += found is not None
            return found

        return counted

    return change


@pytest.mark.sampled(14)
@pytest.mark.parametrize("name", NAMES)
def test_rule_fires_at_its_samples_and_keeps_the_value(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in SAMPLES[name]:
        counts: Counter[str] = Counter()
        patched(monkeypatch, name, counting(counts, name))
        p = read(text)
        assert agrees(p), text
        assert counts[name] > 0, f"{name} does not fire at {text}"


# Broken on purpose -------------------------------------------------------------------------------

FLAWS: dict[str, Callable[[Term], Term]] = {
    "doubled": doubled,
    "sign flipped": negated,
    "forgotten": forgotten,
    "one too many": shifted,
}


def broken(flaw: Callable[[Term], Term]) -> Callable[[Any], Any]:
    """Return the breaking of a rule: what it makes is changed, once for each term."""

    def change(apply: Any) -> Any:
        made: set[Term] = set()

        def wrong(term: Any, context: Any) -> Any:
            found = apply(term, context)
            if found is None or (isinstance(term, Term) and term in made):
                return None
            result = flaw(found)
            made.add(result)
            return result

        return wrong

    return change


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("name", NAMES)
def test_broken_rule_is_caught(name: str, flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = 0

    def counted(t: Term) -> Term:
        nonlocal changed
        result = FLAWS[flaw](t)
        changed += result is not t
        return result

    patched(monkeypatch, name, broken(counted))
    caught = any(not agrees(read(text)) for text in SAMPLES[name])
    assert caught or not changed, f"{name}, {flaw}: not seen at {SAMPLES[name]}"
    assert changed or flaw in ("doubled", "sign flipped", "forgotten"), name


@pytest.mark.parametrize("name", CONDITIONS)
def test_rule_without_its_condition_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    p = read(CONDITIONS[name])
    assert agrees(p)
    monkeypatch.setattr(Facts, "has", lambda self, term, *wanted: term.kind == "leaf")
    rules = [replace(r, needs=()) if r.name == name else r for r in RULES]
    monkeypatch.setattr(SIMPLIFIER, "RULES", tuple(r for r in rules if r.name == name))
    assert not agrees(p), f"{name} is not seen to ask for its condition"


# Alone, on random problems -----------------------------------------------------------------------


def grown(name: str, seed: int) -> Problem:
    """Return a sample of a rule with random expressions in the place of some variables."""
    generator = Generator(f"{name} {seed}")
    texts = SAMPLES[name]
    p = read(texts[seed % len(texts)])
    free = [v for v in p.variables.values() if not v.properties]
    chosen = generator.random.sample(free, generator.random.randint(0, min(2, len(free))))
    values = {v.expr: generator.expression(shape_text(v.expr.shape), 2) for v in chosen}
    x = replaced(p.objective, values)
    kept = {v.name: DECLARED[v.name] for v in p.variables.values() if v.properties}
    return problem(written(x), **{**declared(x), **kept})


def wrong_at(p: Problem, seed: int) -> Iterator[str]:
    """Yield the gradients of a problem that are not slopes."""
    try:
        derivation = DerivedGradients(p)
    except MissingRuleError:  # a division by zeros, say
        return
    facts = any(v.properties for v in p.variables.values())
    for sizes, values in points(p, seed):
        if facts:  # values that have the properties
            values = point(p, sizes, seed)
        for name, r in derivation.items():
            try:
                expected, direction = slope(p, sizes, values, name, seed)
                cells = Explicit(sizes, values).cells(r.expr)
            except (ArithmeticError, TypeError, ValueError):
                continue
            from_result = [Dual.of(x).value for x in flat(cells)]
            if not same(sum(g * u for g, u in zip(from_result, direction, strict=True)), expected):
                yield f"d/d{name} = {r.text} of {p.text}"


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", NAMES)
def test_rule_alone_keeps_the_value_of_random_gradients(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: Counter[str] = Counter()
    for key, rules in SETS.items():
        only = [r for r in rules if r.name == name]
        new = tuple(replace(r, apply=counting(counts, name)(r.apply)) for r in only)
        monkeypatch.setattr(SIMPLIFIER, key, new)
    for seed in range(VARIANTS):
        wrong = list(wrong_at(grown(name, seed), seed))
        assert not wrong, f"{name}: {wrong[0]}"
    # What another rule prepares cannot be had alone.
    assert counts[name] or name in PREPARED, name


def test_every_rule_has_a_sample() -> None:
    assert set(SAMPLES) == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)
