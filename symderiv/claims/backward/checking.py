"""Takes a problem and a backward function; returns a verdict on every gradient, by points.

Contract: numbers, no proof: "right" says how many points, of which sizes, to which precision.
What a function does beside computing is said too: an exception, arrays changed in place, a result
that differs from call to call.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from ...codegen.numpy_code import Coder
from ...core.errors import InputError, SymderivError, UndefinedError
from ...core.expr import var, walk
from ...problems import ClaimText, Problem
from .. import Counterexample
from ..verdict import RIGHT, RIGHT_IF, TRANSPOSED, UNDECIDED, WRONG
from .arguments import (
    ALL,
    UNIT,
    BackwardCall,
    ParameterNames,
    UnreadableCallError,
    call_of,
    name_of,
)
from .claimed_formulas import slip_of_formula
from .diagnosis import Diagnosis, SlipFound, close, gap, tolerance
from .report import BackwardVerdict, BackwardVerdicts
from .returned import Expected, by_name, written_order
from .trials import Laboratory, Trial, is_steady

_CALL = "__call__"


def as_author(problem: Problem, space: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by name as the author's functions take them: labels as integers."""
    labels = {n: np.asarray(space[n]).argmax(-1) for n in problem.labels if n in space}
    return {**space, **labels}


def library_of(function: Callable[..., Any]) -> str:
    """Return "torch" or "jax" where a function uses that library, else "numpy"."""
    inner = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(inner, "__code__", None)
    if code is None:
        inner = getattr(type(function), _CALL, None)
        code = getattr(inner, "__code__", None)
    spaces = {**getattr(inner, "__globals__", {}), **_closure(inner)}
    written = [spaces.get(n) for n in getattr(code, "co_names", ()) if n in spaces]
    written += [*getattr(inner, "__annotations__", {}).values(), *_closure(inner).values()]
    written += getattr(code, "co_names", ())
    for library in ("torch", "jax"):
        if any(_home(x) == library for x in written):
            return library
    return "numpy"


def libraries(first: str) -> list[str]:
    """Return the libraries whose arrays a function may take, likeliest first.

    A function that uses methods alone does not show that it is written for PyTorch.
    """
    return [first, "torch"] if first == "numpy" and "torch" in sys.modules else [first]


def _closure(function: Any) -> dict[str, Any]:
    cells = getattr(function, "__closure__", None) or ()
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    return {n: c.cell_contents for n, c in zip(names, cells, strict=True)}


def _home(x: Any) -> str:
    if isinstance(x, str):
        return x.partition(".")[0]
    name = getattr(x, "__name__", "") if inspect.ismodule(x) else getattr(x, "__module__", "")
    return str(name or "").partition(".")[0]


def arrays_for(library: str, value: Any) -> Any:
    """Return a value as an array of a library; numbers, functions and sizes as they are."""
    if isinstance(value, dict):
        return {n: arrays_for(library, x) for n, x in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    if library == "torch" and "torch" in sys.modules:
        return sys.modules["torch"].tensor(value)
    if library == "jax" and "jax" in sys.modules:
        return sys.modules["jax"].numpy.asarray(value)
    return value.copy()


_NOISE = 1e-6  # relative, of a result at points that are nearly one


class _CallError(Exception):
    """The function raised; what, and what it was given."""


def check_backward(
    problem: Problem, function: Callable[..., Any], wrt: Sequence[str] | None = None
) -> BackwardVerdicts:
    """Return the verdicts on the gradients that a function computes.

    The function takes arrays by the names of its parameters: variables, definitions and their
    gradients, ``cache`` for all of them as a dict; where one gradient is given, the parameter that
    names nothing else is it (``G``, ``dout``, ``upstream``). Or it takes all variables and given
    gradients in order; or one dict. It returns one array, a dict or a tuple. ``read_as`` of a
    verdict says how its parameters were read; a function that raises, or whose parameters cannot
    be told, is "undecided". Raises InputError where the results cannot be told.

    >>> from symderiv import problem
    >>> p = problem("Z = X @ W; L(Z)", X="n, d", W="d, m")
    >>> found = check_backward(p, lambda X, dout: X.T @ dout / len(X), ["W"])["W"]
    >>> found.slips, found.read_as
    (('sum-vs-mean',), 'X, dout = the given gradient G')
    """
    return _Check(problem, function, wrt).verdicts()


class _Check:
    def __init__(
        self, problem: Problem, function: Callable[..., Any], wrt: Sequence[str] | None
    ) -> None:
        self.problem, self.function = problem, function
        self.wrt = tuple(wrt if wrt is not None else problem.wrt)
        if not self.wrt:
            raise InputError(
                "there is no variable whose gradient is to be checked", remedy="name it: wrt="
            )
        variables = list(problem.variables)
        written = written_order(function, list(dict.fromkeys([*self.wrt, *variables])))
        self.expected = Expected(self.wrt, variables, written, asked=wrt is not None)
        self.lab = Laboratory(problem, self.wrt)
        self.names = _names(problem, self.lab)
        self.library = library_of(function)
        self.call = BackwardCall(function)
        self.notes: list[SlipFound] = []
        self.order = ""  # in which a tuple was read

    def verdicts(self) -> BackwardVerdicts:
        try:
            self.call = call_of(self.function, self.names)
            taken = [n for n in self.call.needed if n in self.problem.variables]
            self.expected = replace(self.expected, taken=taken)
            trials = self.lab.trials()
            self._settle(trials)
        except _CallError as failure:
            if not self.lab.has_two_forms and self.call.other is None:
                return self._undecided(SlipFound(("exception",), str(failure)))
        except UndefinedError as error:
            return self._undecided(SlipFound(("undefined",), _sentences(error)))
        except UnreadableCallError as error:
            return self._undecided(SlipFound(("unreadable",), _sentences(error)))
        return self._judged_under(self.call, trials)

    def _judged_under(self, call: BackwardCall, trials: Sequence[Trial]) -> BackwardVerdicts:
        """Return the verdicts under the likeliest reading of the parameters, else under others.

        A second meaning of a name is an assumption; with how many axes a column comes is none.
        """
        found = self._under(call, trials)
        if found.verdict == RIGHT:
            return found
        if self.lab.has_two_forms and ALL not in call.needed:
            turned = self._under(replace(call, is_turned=True), trials)
            if turned.verdict == RIGHT or found.verdict == UNDECIDED != turned.verdict:
                return turned
        if call.other is not None and self._under(call.other, trials).verdict == RIGHT:
            return _right_if(found, call.because)
        return self._in_another_order(call, trials, found)

    def _in_another_order(
        self, call: BackwardCall, trials: Sequence[Trial], found: BackwardVerdicts
    ) -> BackwardVerdicts:
        """Return the verdicts where a tuple that nothing names may have another order."""
        expected, order = self.expected, self.order
        if not order or expected.written:
            return found
        others = {", ".join(f"d{n}" for n in o): o for o in expected.orders()}
        for words, other in others.items():
            if f"({words})" == order or len(other) != len(found):
                continue
            self.expected = replace(expected, written=other)
            if self._under(call, trials).verdict == RIGHT:
                return _right_if(found, f"the tuple is {words}")
        self.expected, self.order = expected, order
        return found

    def _undecided(self, found: SlipFound) -> BackwardVerdicts:
        return BackwardVerdicts({n: self._verdict(n, UNDECIDED, found, ()) for n in self.wrt})

    def _under(self, call: BackwardCall, trials: Sequence[Trial]) -> BackwardVerdicts:
        """Return the verdicts where the function is called in one way.

        Points at which it raises say nothing, but then it is not found right. Nor do points at
        which its own digits are noise, beside a singular matrix that the gradient does without.
        """
        self.call, read, failures = call, [], []
        for t in trials:
            try:
                tried = replace(t, claimed=self._run(t))
                if not self._is_noise(tried):
                    read.append(tried)
            except _CallError as failure:
                if not isinstance(failure.__cause__, np.linalg.LinAlgError):
                    failures.append(SlipFound(("exception",), str(failure)))
        if len(read) < min(2, len(trials)):
            nothing = SlipFound(("undefined",), "At too few points its digits are no noise.")
            return self._undecided((failures or [nothing])[0])
        names = [n for n in self.wrt if n in read[0].claimed]
        judged = {n: self._judged(n, read) for n in names}
        for n, v in judged.items() if failures else ():
            judged[n] = self._verdict(n, UNDECIDED, failures[0], ()) if v.verdict == RIGHT else v
        return BackwardVerdicts(judged)

    def _is_noise(self, t: Trial) -> bool:
        """Whether a result that differs from the gradient is another at a point nearby."""
        wrong = [n for n, x in t.claimed.items() if not close(x, t.truth[n], tolerance(x)[0])]
        if not wrong or self.notes:
            return False
        again = self._run(replace(t, space=self.lab.shaken(t.space)))
        bounds = {n: max(_NOISE, tolerance(t.claimed[n])[0]) for n in wrong}
        return not all(
            np.any(~np.isfinite(t.claimed[n])) or is_steady(again[n], t.claimed[n], bounds[n])
            for n in wrong
        )

    def _space(self, trial: Trial) -> dict[str, Any]:
        needed = [n for n in self.call.needed if n not in (ALL, UNIT)]
        full = self.lab.filled(trial.space, needed, self.call.takes_all)
        if self.call.is_turned:
            full.update(self.lab.in_the_other_form(full))
        named = as_author(self.problem, full)
        space = {n: arrays_for(self.library, x) for n, x in named.items()}
        return {**space, **self._of_forward(trial)}

    def _of_forward(self, trial: Trial) -> dict[str, Any]:
        """Return the cache that the author's own forward pass returns, which is run for it.

        A method finds there, in its object, what the forward pass leaves.
        """
        forward = self.problem.function
        is_method = inspect.ismethod(self.function)
        if forward is None or not (is_method or ALL in self.call.needed):
            return {}
        named = as_author(self.problem, {n: trial.space[n] for n in self.problem.variables})
        arrays = {n: arrays_for(library_of(forward.function), x) for n, x in named.items()}
        try:
            with np.errstate(all="ignore"):
                cache = forward.cache(arrays)
        except Exception as error:
            raise _CallError(f"the forward pass raises {type(error).__name__}: {error}.") from error
        return {} if cache is None or ALL not in self.call.needed else {ALL: cache}

    def _run(self, trial: Trial) -> dict[str, Any]:
        return self._called(trial, self._space(trial))

    def _called(self, trial: Trial, space: dict[str, Any]) -> dict[str, Any]:
        try:
            with np.errstate(all="ignore"):
                result = self.call(space)
        except SymderivError:
            raise
        except (Exception, SystemExit) as error:  # whatever a user's function raises is the finding
            raise _CallError(self._raised(error, trial, space)) from error

        def fits(name: str, x: Any) -> bool:
            return name not in trial.truth or np.shape(x) == np.shape(trial.truth[name])

        found, self.order = by_name(self._with_left(result), self.expected, fits)
        return found

    def _with_left(self, result: Any) -> Any:
        """Return gradients by name where a method leaves some of them in its object: self.dW."""
        owner = getattr(self.function, "__self__", None)
        left = {} if owner is None else dict(getattr(owner, "__dict__", {}))
        for inner in [x for x in left.values() if isinstance(x, dict)]:
            left = {**inner, **left}  # self.grads["W"]
        known = {n: left[f"d{n}"] for n in self.wrt if left.get(f"d{n}") is not None}
        if not known or isinstance(result, dict | tuple):
            return result
        others = [n for n in self.wrt if n not in known]
        if result is not None and len(others) == 1:
            known[others[0]] = result
        return known

    def _raised(self, error: BaseException, trial: Trial, space: dict[str, Any]) -> str:
        names = [n for n in (self.call.needed or self.problem.variables) if n]
        given = [f"{n} {np.shape(space[n])}" for n in names if hasattr(space.get(n), "shape")]
        given += ["a dict of all values"] if ALL in self.call.needed else []
        return (
            f"{name_of(self.function)} raises {type(error).__name__}: {error}. "
            f"It was given {', '.join(given)}."
        )

    def _settle(self, trials: Sequence[Trial]) -> None:
        """Settle how the function is called, and look for what it does beside computing.

        A function that raises is called in the other ways that there are, until one works; one that
        meets a singular matrix, at other points.
        """
        ways = [c for c in (self.call, self.call.fallback) if c is not None]
        failures = []
        for library, call, trial in product(libraries(self.library), ways, trials):
            self.call, self.library = call, library
            try:
                self._look_for_side_effects(trial)
            except _CallError as failure:
                failures.append((failure, call, library))
            else:
                return
        first, self.call, self.library = failures[0]
        raise first

    def _look_for_side_effects(self, trial: Trial) -> None:
        space = self._space(trial)
        kept = self._space(trial)
        first = self._called(trial, space)
        changed = [n for n, x in kept.items() if hasattr(x, "shape") and not _same(space[n], x)]
        if changed:
            names = ", ".join(changed)
            self.notes.append(
                SlipFound(("in-place",), f"It changes its argument {names} in place.")
            )
        again = self._run(trial)
        apart = [n for n in first if not _same(first[n], again[n])]
        if apart:
            sentence = "Two calls with the same arrays give different results."
            self.notes.append(SlipFound(("not-deterministic",), sentence))

    def _judged(self, name: str, trials: Sequence[Trial]) -> BackwardVerdict:
        pairs = [(t.claimed[name], t.truth[name]) for t in trials]
        random = any("not-deterministic" in f.slips for f in self.notes)
        if all(np.iscomplexobj(c) and np.any(np.imag(c)) for c, _ in pairs):
            found = SlipFound(
                ("complex",), "It is complex, with imaginary parts that are not zero."
            )
            return self._verdict(name, WRONG, found, trials)
        bound, words = max((tolerance(c) for c, _ in pairs), key=lambda b: b[0])
        if all(close(c, t, bound) for c, t in pairs):
            found = SlipFound((), self._equal_words(pairs, trials, words))
            return self._verdict(name, WRONG if random else RIGHT, found, trials)
        diagnosis = Diagnosis(self.lab, name, trials)
        if diagnosis.is_transpose() and not random:
            right = diagnosis.right_shape
            found = SlipFound(
                ("transposed",), f"It is the transpose; the gradient has shape {right}."
            )
            return self._verdict(name, TRANSPOSED, found, trials)
        found = SlipFound((), "") if random else self._slip(diagnosis, name, trials)
        return self._verdict(name, WRONG, found, trials)

    def _slip(self, diagnosis: Diagnosis, name: str, trials: Sequence[Trial]) -> SlipFound:
        """Return the slip of a wrong gradient, by its numbers or as the formula that it is."""
        found = diagnosis.find()
        if {*found.slips} - {"different"} or self.library != "numpy":
            return found
        lab, call = self.lab, self.call
        whole = next((t for t in trials if not t.beside), trials[0])
        read = slip_of_formula(self.problem, call, self.expected, name, lab.axes, whole)
        return found if read is None else read

    def _read_as(self) -> str:
        """Return how the parameters were read, and a tuple of results."""
        read = self.call.told(self.names)
        if self.call.is_turned:
            read += f", of {'one axis' if self.lab.is_thin(self.names.given[0]) else 'two axes'}"
        return f"{read}; returns {self.order}" if self.order and read else read

    def _equal_words(
        self, pairs: Sequence[tuple[Any, Any]], trials: Sequence[Trial], words: str
    ) -> str:
        worst = max(gap(c, t) for c, t in pairs)
        bound = next(b for b in (1e-12, 1e-9, 1e-6, 1e-3, 1.0) if worst <= b)
        sizes = len({tuple(t.sizes.items()) for t in trials})
        of = f" of {sizes} choices of sizes" if sizes > 1 else ""
        lower = f" (it computes in {words})" if words else ""
        count = sum(not t.beside for t in trials)
        more = f", and at {len(trials) - count} in its branches" if count < len(trials) else ""
        missed = "".join(f" At none of them is {x}." for x in self.lab.missed)
        said = f"It equals the gradient at {count} points{of} to {bound:.0e}{lower}"
        return f"{said}{more}.{missed}"

    def _verdict(
        self, name: str, verdict: str, found: SlipFound, trials: Sequence[Trial]
    ) -> BackwardVerdict:
        truth = self.lab.gradient(name)
        notes = [f for f in self.notes if verdict != RIGHT or f.slips]
        slips = (*found.slips, *(s for f in notes for s in f.slips))
        sentences = [s for s in (found.sentence, *(f.sentence for f in notes)) if s]
        about = f"d{self.problem.objective_name}/d{name}"
        is_wrong = verdict in (WRONG, TRANSPOSED)
        return BackwardVerdict(
            claim=ClaimText(about, (f"{name_of(self.function)}(..)",)),
            verdict=verdict,
            diagnosis=" ".join(sentences),
            slips=slips if verdict == RIGHT or slips else ("different",),
            counterexample=self._counterexample(name, trials) if is_wrong else None,
            correction=self.lab.text(name),
            corrects=about,
            correction_expr=truth,
            truth=truth,
            code=self._code(name),
            evidence=_evidence(trials) if verdict != UNDECIDED else "not decided",
            binding=self._read_as(),
        )

    def _code(self, name: str) -> str:
        """Return the gradient in NumPy; what it is written in, and no definition is, before it."""
        truth, lab, coder = self.lab.gradient(name), self.lab, Coder()
        known = self.problem.definitions
        inner = [e for e in walk(truth) if e.op == "named" and e.data not in known]
        seen = walk(truth, lambda e: e.op == "named" and e.data in known)
        names = [str(e.data) for e in seen if e.op in ("var", "named")]
        thin = [n for n in dict.fromkeys(names) if lab.is_thin(n)]
        lines = [f"{', '.join(thin)} = {', '.join(f'{n}.ravel()' for n in thin)}"] if thin else []
        body = [f"{e.data} = {coder(e.args[0])}" for e in inner]
        body.append(f"d{name} = {coder(truth)}")
        if lab.is_thin(name):
            axis = "[:, None]" if str(truth.shape[1]) == "1" else "[None, :]"
            body.append(f"d{name} = d{name}{axis}")
        lines += [f"{d} = {x}" for d in coder.sizes if (x := lab.shown_by(d))]
        return "\n".join([*lines, *body]).replace("dtype=dtype", "dtype=float")

    def _counterexample(self, name: str, trials: Sequence[Trial]) -> Counterexample | None:
        """Return the smallest point of whole numbers at which the function is wrong.

        One at which the numbers differ comes before one at which the shapes alone do. Where whole
        numbers do not enter the branch that is wrong, a point that was tried is the example.
        """
        first: Counterexample | None = None
        for t in self.lab.small():
            try:
                claimed = self._run(t).get(name)
            except (_CallError, SymderivError):
                continue
            found = self._example(name, t, claimed)
            if found is not None and _differ(found):
                return found
            first = first or found
        tried = [self._example(name, t, t.claimed[name]) for t in trials]
        return first or next((c for c in tried if c is not None), None)

    def _example(self, name: str, t: Trial, claimed: Any) -> Counterexample | None:
        """Return a point as a counterexample, where the function is wrong there."""
        if claimed is None or close(claimed, t.truth[name], tolerance(claimed)[0]):
            return None
        truth = self.lab.gradient(name)
        met = {str(e.data) for e in walk(truth) if e.op == "var"}
        return Counterexample(
            t.sizes,
            {n: _cells(t.space[n]) for n in t.space if n in met},
            {},
            var(name_of(self.function), truth.shape),
            _cells(claimed),
            truth,
            _cells(t.truth[name]),
        )


def _differ(c: Counterexample) -> bool:
    """Whether the numbers of a counterexample differ, not the shapes alone."""
    return not close(np.squeeze(c.claimed_cells), np.squeeze(c.right_cells), 1e-6)


def _same(a: Any, b: Any) -> bool:
    x, y = np.asarray(a), np.asarray(b)
    return x.shape == y.shape and bool(np.array_equal(x, y, equal_nan=True))


def _cells(x: Any) -> Any:
    full = np.asarray(x)
    column = full.reshape(1, 1) if full.ndim == 0 else full[:, None] if full.ndim == 1 else full
    return column.tolist()


def _right_if(found: BackwardVerdicts, assumption: str) -> BackwardVerdicts:
    """Return the verdicts on claims that another reading makes right."""
    words = f"It is right if {assumption}."
    changed = {
        n: replace(
            v, verdict=RIGHT_IF, diagnosis=words, slips=("assumption",), assumption=assumption
        )
        for n, v in found.items()
        if v.verdict != RIGHT
    }
    return BackwardVerdicts({**found, **changed})


def _names(problem: Problem, lab: Laboratory) -> ParameterNames:
    """Return the names that a function may ask for."""
    loss, given = problem.objective, list(problem.upstream)
    pure = loss.op == "loss" and loss.args[0].op == "named"
    output = str(loss.args[0].data) if pure and len(given) == 1 else None
    definitions = [n for n in problem.definitions if n not in problem.variables]
    return ParameterNames(list(problem.variables), given, definitions, lab.others(), output)


def _sentences(error: SymderivError) -> str:
    words = f"{error.subject[0].upper()}{error.subject[1:]}"
    return f"{words}: {error.remedy}." if error.remedy else f"{words}."


def _evidence(trials: Sequence[Trial]) -> str:
    sizes = len({tuple(t.sizes.items()) for t in trials})
    return f"decided by numbers at {len(trials)} points of {sizes} choices of sizes, no proof"
