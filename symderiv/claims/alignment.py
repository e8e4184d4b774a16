"""A claim beside the gradient, as both are written: where they part, and what slip that is.

Contract: proposes; the mended text is what the claim reads with the parts of the gradient put in
where the two differ, and the search decides that it is right. No value is looked at here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..ops.stated_slopes import IN_SLOPES
from .written_forms import PRODUCTS, WrittenForm, flipped, joined, negative, written

_MOST = 3  # places in which a claim may part from the gradient
_LONG = 60

Slips = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class KnownForms:
    """What names mean: sizes, definitions, given gradients."""

    sizes: Collection[str]
    values: Mapping[str, WrittenForm]  # of the definitions
    given: Collection[str]  # gradients that come in
    slopes: Collection[str] = ()  # the derivatives of unspecified functions


def aligned(claimed: WrittenForm, truth: WrittenForm, known: KnownForms) -> Slips | None:
    """Return how a claim parts from the gradient, or None where they have little in common."""
    slips = tuple(_apart(claimed, truth, known))
    different = f"{quoted(claimed)} must be {quoted(truth)}"
    if not slips or len(slips) > _MOST or slips == (("wrong-part", different),):
        return None
    return slips


def _apart(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Iterator[tuple[str, str]]:
    """Yield the slips by which two formulas differ, the smallest place of each."""
    if c == t:
        return
    for rule in _RULES:
        found = rule(c, t, known)
        if found:
            yield from found
            return
    for inner in _signs_inside(c) if t.op in PRODUCTS else ():
        moved = tuple(_apart(inner, t, known))
        if all(name != "wrong-part" for name, _ in moved):
            yield from moved
            return
    if c.op == t.op and c.data == t.data and c.args:
        if c.op in ("+", "*"):
            lc, lt = _leftover(c.args, t.args)
        elif c.op == "@":
            lc, lt = _middle(c.args, t.args)
        else:
            both = zip(c.args, t.args, strict=False)
            apart = [(a, b) for a, b in both if a != b]
            lc, lt = [a for a, _ in apart], [b for _, b in apart]
        partly = len(lc) < len(c.args) or len(c.args) == 1
        if len(c.args) == len(t.args) and partly and len(lc) == len(lt):
            for a, b in zip(lc, lt, strict=True):
                yield from _apart(a, b, known)
            return
        if lc and lt and len(lc) < len(c.args) and c.op in ("+", "*", "@"):
            yield from _apart(joined(c.op, *lc), joined(c.op, *lt), known)
            return
    yield "wrong-part", f"{quoted(c)} must be {quoted(t)}"


def _signs_inside(x: WrittenForm) -> Iterator[WrittenForm]:
    """Yield the ways to write a product whose sign stands in front with the sign in a factor."""
    if x.op == "neg" and x.args[0].op in PRODUCTS:
        product = x.args[0]
        for k, a in enumerate(product.args):
            args = (*product.args[:k], negative(a), *product.args[k + 1 :])
            yield WrittenForm(product.op, args)


def _leftover(
    a: Sequence[WrittenForm], b: Sequence[WrittenForm]
) -> tuple[list[WrittenForm], list[WrittenForm]]:
    common = Counter(a) & Counter(b)
    return _rest(a, common), _rest(b, common)


def _rest(args: Sequence[WrittenForm], common: Counter[WrittenForm]) -> list[WrittenForm]:
    left, kept = Counter(common), []
    for a in args:
        if left[a]:
            left[a] -= 1
        else:
            kept.append(a)
    return kept


def _middle(
    a: Sequence[WrittenForm], b: Sequence[WrittenForm]
) -> tuple[list[WrittenForm], list[WrittenForm]]:
    """Return two products without what they begin and end with alike."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    stop = 0
    while stop < min(len(a), len(b)) - start and a[-1 - stop] == b[-1 - stop]:
        stop += 1
    return list(a[start : len(a) - stop]), list(b[start : len(b) - stop])


def quoted(x: WrittenForm) -> str:
    """Return a formula as a sentence quotes it: the beginning of a long one."""
    text = written(x)
    return f"`{text}`" if len(text) <= _LONG else f"`{text[:_LONG].rstrip()} ..`"


# Rules: what a claim has in one place, what the gradient has there, and the slip.

Found = Sequence[tuple[str, str]]
Rule = Callable[[WrittenForm, WrittenForm, KnownForms], Found]


def _sign(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    return [("sign", f"the sign of {quoted(c)} is wrong")] if c == negative(t) else ()


def _turned(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    if t in (WrittenForm("T", (c,), "T"), WrittenForm("T", (c,), "mT")) or c in (
        WrittenForm("T", (t,), "T"),
        WrittenForm("T", (t,), "mT"),
        flipped(t),
    ):
        return [("transposed", f"{quoted(c)} must be transposed: {quoted(t)}")]
    return ()


def _one_of_many(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    """A row, column or entry at a free index for the sum over all."""
    free = {i for x in c.walk() if x.op == "index" for i in _letters(x.data)}
    bound = {i for x in t.walk() if x.op == "index" for i in _letters(x.data)}
    if not free - bound or c.op == "+":
        return ()
    body = t.args[0] if t.op == "call" and _name(t) in ("sum", "mean") else t
    if Counter(_stripped(c, free - bound)) != Counter(_stripped(body, set())):
        return ()
    letter = min(free - bound)
    words = f"{quoted(c)} is one term of the sum {quoted(t)}: `{letter}` must be summed over"
    return [("missing-sum", words)]


def _stripped(x: WrittenForm, free: set[str]) -> list[WrittenForm]:
    """Return the factors of a product, rows and columns at free indices as the wholes."""
    if x.op == "index" and free & set(_letters(x.data)):
        return _stripped(x.args[0], free)
    if x.op in ("*", "@", "T", "neg"):
        return [f for a in x.args for f in _stripped(a, free)]
    if x.op == "call" and _name(x) == "ones":
        return []
    return [x]


def _letters(index: str) -> list[str]:
    return [i.strip() for i in index.split(",") if i.strip().isidentifier()]


def _name(x: WrittenForm) -> str:
    return x.data.split("|", 1)[0]


def _reduced(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    """Sums, means and traces for each other, along the wrong axis, too many or too few."""
    if c.op == t.op == "call" and c.args == t.args and c.data != t.data:
        names = {_name(c), _name(t)}
        if names == {"sum", "mean"}:
            return [("sum-vs-mean", f"{quoted(c)} must be {quoted(t)}")]
        if len(names) == 1:
            return [("broadcasting", f"the axis of {quoted(c)} is wrong: it must be {quoted(t)}")]
    if t.op == "@":
        rest = [a for a in t.args if not _is_ones(a)]
        if len(rest) < len(t.args) and rest and _sequence(joined("@", *rest)) == _sequence(c):
            return [("missing-sum", f"{quoted(c)} must be summed: {quoted(t)}")]
    inner = c.args[0] if c.op == "call" and c.args else None
    if inner is not None and _name(c) in ("sum", "trace", "mean") and _plain(inner) == _plain(t):
        name = "trace" if _name(c) == "trace" else "sum"
        return [(f"extra-{name}", f"the {name} of {quoted(inner)} must be dropped")]
    inner = t.args[0] if t.op == "call" and t.args else None
    if inner is not None and _name(t) in ("sum", "trace", "mean") and _plain(inner) == _plain(c):
        return [("missing-sum", f"{quoted(c)} must be summed: {quoted(t)}")]
    return ()


def _is_ones(x: WrittenForm) -> bool:
    plain = _plain(x)
    return plain.op == "call" and _name(plain) == "ones"


def _sequence(x: WrittenForm) -> list[WrittenForm]:
    """Return the factors of a product without transposes; entrywise ones in one order."""
    if x.op == "T":
        return _sequence(x.args[0])
    if x.op == "*":
        parts = sorted((_sequence(a) for a in x.args), key=lambda p: list(map(written, p)))
        return [f for p in parts for f in p]
    if x.op in ("@", "neg"):
        return [f for a in x.args for f in _sequence(a)]
    return [x]


def _plain(x: WrittenForm) -> WrittenForm:
    """Return a formula without transposes around it."""
    return _plain(x.args[0]) if x.op == "T" else x


def _missing(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    """Terms and factors that one side lacks."""
    if t.op == "+" or c.op == "+":
        terms = _terms(c, t)
        if terms:
            return terms
    over = _quotient(c, t, known)
    if over:
        return over
    for op in ("*", "@"):
        if op not in (c.op, t.op):
            continue
        a, b = (x.args if x.op == op else (x,) for x in (c, t))
        lc, lt = _leftover(a, b)
        if lt and not lc and _in_order(a, b):
            return [_lacking(f, known, summed=op == "@" and _is_ones(f)) for f in lt]
        if lc and not lt and _in_order(b, a):
            return [_extra(f, known) for f in lc]
    return ()


def _in_order(few: Sequence[WrittenForm], many: Sequence[WrittenForm]) -> bool:
    left = iter(many)
    return all(f in left for f in few)


def _terms(c: WrittenForm, t: WrittenForm) -> Found:
    minus = c.op == "neg" and t.op == "+"
    a = c.args if c.op == "+" else (c,)
    b = t.args if t.op == "+" else (t,)
    lc, lt = _leftover(a, b)
    if lt and not lc:
        return [("missing-term", f"the term {quoted(f)} is missing") for f in lt]
    if lc and not lt:
        return [("extra-term", f"the term {quoted(f)} is too much") for f in lc]
    return () if not minus else _terms(c.args[0], negative(t))


def _quotient(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    if t.op == "/" and t.args[0] == c:
        return [_lacking(t.args[1], known, divided=True)]
    if c.op == "/" and c.args[0] == t:
        return [_extra(c.args[1], known, divided=True)]
    return ()


def _lacking(
    f: WrittenForm, known: KnownForms, *, divided: bool = False, summed: bool = False
) -> tuple[str, str]:
    if summed:
        return "missing-sum", f"the sum that {quoted(f)} makes is missing"
    shown = f"1/{written(f, 9)}" if divided else written(f)
    if _is_size(f, known):
        return "sum-vs-mean", f"a factor `{shown}` is missing"
    if f.data in known.given and f.op == "name":
        return "chain-factor", f"the gradient that comes in, {quoted(f)}, is missing"
    if _is_slope(f) and not divided:
        return "chain-factor", f"the chain rule's factor {quoted(f)} is missing"
    return "missing-factor", f"the factor `{shown}` is missing"


def _extra(f: WrittenForm, known: KnownForms, *, divided: bool = False) -> tuple[str, str]:
    shown = f"1/{written(f, 9)}" if divided else written(f)
    if _is_size(f, known):
        return "sum-vs-mean", f"the factor `{shown}` is too much"
    return "extra-factor", f"the factor `{shown}` is too much"


def _is_size(f: WrittenForm, known: KnownForms) -> bool:
    if any(x.op == "call" for x in f.walk()):
        return False
    names = [x.data for x in f.walk() if x.op == "name"]
    return bool(names) and all(n in known.sizes for n in names)


def _is_slope(f: WrittenForm) -> bool:
    calls = {_name(x) for x in f.walk() if x.op == "call"}
    return bool(calls & IN_SLOPES) or f.op in ("+", "**") or any(n[-1:] == "p" for n in calls)


def _factors(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    """The same factors in another order, or in another kind of product."""
    if c.op not in PRODUCTS or t.op not in PRODUCTS:
        return ()
    a, b = _stripped(c, set()), _stripped(t, set())
    if Counter(a) != Counter(b) or len(a) < 2:
        lc, lt = _leftover(a, b)
        return _reduced_factor(lc[0], lt) if len(lc) == 1 and lt else ()
    turned = sum(x.op == "T" for x in c.walk()) != sum(x.op == "T" for x in t.walk())
    if _products(c) != _products(t):
        kind = "an entrywise" if _products(t)["*"] > _products(c)["*"] else "a matrix"
        words = f"{quoted(c)} must be {kind} product: {quoted(t)}"
        return [("elementwise", words)]
    if turned and (a == b or _sequence(c) == _sequence(t)):
        return [("transposed", f"{quoted(c)} must be {quoted(t)}")]
    words = f"the factors of {quoted(c)} stand in the wrong order: {quoted(t)}"
    return [("factor-order", words)]


def _reduced_factor(c: WrittenForm, factors: Sequence[WrittenForm]) -> Found:
    """A factor of which the sum or trace stands in a product."""
    name = _name(c) if c.op == "call" and c.args else ""
    if name in ("sum", "trace") and Counter(_stripped(c.args[0], set())) == Counter(factors):
        return [(f"extra-{name}", f"the {name} of {quoted(c.args[0])} must be dropped")]
    return ()


def _products(x: WrittenForm) -> Counter[str]:
    """Return how many factors are joined by which product."""
    found: Counter[str] = Counter()
    for e in x.walk():
        if e.op in ("*", "@"):
            found[e.op] += len(e.args) - 1
    return found


def _elsewhere(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    """The derivative of a function, taken at another place."""
    if c.op != "call" or c.data != t.data or len(c.args) != len(t.args):
        return ()
    places = [(a, b) for a, b in zip(c.args, t.args, strict=True) if a != b]
    if _name(c) == "where" and len(places) == 1 and places[0][0].op == places[0][1].op == "compare":
        places = [(a, b) for a, b in zip(*(x.args for x in places[0]), strict=True) if a != b]
    elif _name(c) not in known.slopes:
        return ()
    if len(places) != 1:
        return ()
    ((a, b),) = places
    if {name for name, _ in _apart(a, b, known)} & {"sign", "transposed", "factor-order"}:
        return ()
    words = f"the derivative is taken at {quoted(a)} instead of {quoted(b)}"
    return [("chain-factor", words)]


def _function(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    """A value for the argument of its function, or the other way round."""
    if c.op == "call" and t in c.args:
        return [("chain-factor", f"{quoted(c)} stands where its argument {quoted(t)} must")]
    if t.op == "call" and c in t.args:
        return [("chain-factor", f"the argument {quoted(c)} stands where {quoted(t)} must")]
    return ()


def _names(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    plain = {_plain(c).op, _plain(t).op}
    if plain != {"name"}:
        return _stage(c, t, known)
    a, b = _plain(c).data, _plain(t).data
    if a == b or (a in known.sizes) != (b in known.sizes):
        return ()
    return [("wrong-variable", f"{quoted(c)} must be {quoted(t)}"), *_stage(c, t, known)]


def _stage(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    """A definition for what it is a function of, or the other way round."""
    c, t = _plain(c), _plain(t)
    value = known.values.get(c.data) if c.op == "name" else None
    if value is not None and value.op == "call" and t in value.args:
        words = f"{quoted(c)} is a function of {quoted(t)}, at which the derivative is taken"
        return [("chain-factor", words)]
    value = known.values.get(t.data) if t.op == "name" else None
    if value is not None and value.op == "call" and c in value.args:
        words = f"{quoted(c)} is the argument of {quoted(t)}, and must be its value"
        return [("chain-factor", words)]
    return ()


def _numbers(c: WrittenForm, t: WrittenForm, known: KnownForms) -> Found:
    if {c.op, t.op} == {"number"}:
        return [("missing-factor", f"the number {quoted(c)} must be {quoted(t)}")]
    return ()


_RULES: tuple[Rule, ...] = (
    _sign,
    _turned,
    _elsewhere,
    _one_of_many,
    _reduced,
    _missing,
    _factors,
    _names,
    _function,
    _numbers,
)
