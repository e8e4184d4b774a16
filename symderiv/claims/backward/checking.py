"""Takes a problem and a backward function; returns a verdict on every gradient, by points.

Contract: numbers, no proof: "right" says how many points, of which sizes, to which precision.
What a function does beside computing is said too: an exception, arrays changed in place, a result
that differs from call to call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from ...codegen.numpy_code import Coder
from ...core.errors import InputError, SymderivError, UndefinedError
from ...core.expr import var, walk
from ...problems import ClaimText, Problem
from ...problems.tracing.declared_arrays import Path
from ...problems.tracing.held_arrays import HeldArrays
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
from .author_arrays import arrays_for, as_author, libraries, library_of
from .author_objects import AuthorObjects, Left
from .claimed_formulas import slip_of_formula
from .diagnosis import Diagnosis, SlipFound, close, gap, tolerance
from .report import BackwardVerdict, BackwardVerdicts
from .returned import Expected, by_name, named_homes, unread_keys, unread_words, written_order
from .trials import Laboratory, Trial, is_steady

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

    What a function computes for arrays that it has from objects (``self.dW``) is compared too; a
    gradient that it gives and that cannot be compared is "undecided", never left out.

    >>> from symderiv import problem
    >>> p = problem("Z = X @ W; L(Z)", X="n, d", W="d, m")
    >>> found = check_backward(p, lambda X, dout: X.T @ dout / len(X), ["W"])["W"]
    >>> found.slips, found.read_as
    (('sum-vs-mean',), 'X, dout = the given gradient G')
    """
    return _Check(_with_parameters(problem, function, wrt), function, wrt).verdicts()


def _with_parameters(
    problem: Problem, function: Callable[..., Any], wrt: Sequence[str] | None
) -> Problem:
    """Return the problem in which arrays of objects are variables where they are given gradients.

    What cannot be traced so stays a constant.
    """
    author = problem.function
    if author is None or author.again is None:
        return problem
    held = HeldArrays(author.function).names
    named = [n for n in wrt or () if n in held]
    names = [*named, *(() if wrt is not None else _Check(problem, function, None).given(held))]
    if {*names} <= {*author.parameters}:
        return problem
    try:
        found: Problem = author.again(list(dict.fromkeys(names)))
    except SymderivError:
        return problem
    return found


class _Check:
    def __init__(
        self, problem: Problem, function: Callable[..., Any], wrt: Sequence[str] | None
    ) -> None:
        self.problem, self.function = problem, function
        self.wrt = tuple(wrt if wrt is not None else problem.wrt)
        self.objects = AuthorObjects(problem, function)
        if not self.wrt:
            raise InputError(
                "there is no variable whose gradient is to be checked", remedy="name it: wrt="
            )
        variables = list(problem.variables)
        written = written_order(function, list(dict.fromkeys([*self.wrt, *variables])))
        asked = wrt is not None
        self.expected = Expected(self.wrt, variables, written, (), asked, self.objects.homes)
        self.lab = Laboratory(problem, self.wrt)
        self.names = _names(problem, self.lab)
        self.library = library_of(function)
        self.call = BackwardCall(function)
        self.notes: list[SlipFound] = []
        self.order = ""  # in which a tuple was read
        self.unread: dict[str, str] = {}  # gradients that it gives of no variable, and why

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
        unread = {n: self._unread(n, why) for n, why in self.unread.items()}
        for n, v in judged.items() if failures else ():
            judged[n] = self._verdict(n, UNDECIDED, failures[0], ()) if v.verdict == RIGHT else v
        missing = [n for n in self.wrt if n not in {*judged, *unread}]
        return BackwardVerdicts({**judged, **unread}, missing)

    def _unread(self, name: str, why: str) -> BackwardVerdict:
        """Return the verdict on what is given as a gradient and cannot be compared."""
        found = SlipFound(("unread",), why)
        if name in self.wrt:
            return self._verdict(name, UNDECIDED, found, ())
        return BackwardVerdict(
            claim=ClaimText(name, (f"{name_of(self.function)}(..)",)),
            verdict=UNDECIDED,
            diagnosis=why,
            slips=found.slips,
            evidence="not decided",
            binding=self._read_as(),
        )

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
        trees = () if self.problem.function is None else self.problem.function.tree
        known = [n for n in trees if n not in self.problem.variables]
        needed = [n for n in self.call.needed if n not in (ALL, UNIT, *known)]
        full = self.lab.filled(trial.space, needed, self.call.takes_all)
        if self.call.is_turned:
            full.update(self.lab.in_the_other_form(full))
        full.update(self._trees(full))
        named = as_author(self.problem, full)
        return {n: arrays_for(self.library, x) for n, x in named.items()}

    def _trees(self, full: Mapping[str, Any]) -> dict[str, Any]:
        """Return the trees of arrays, and the options, that the author's functions both take."""
        author = self.problem.function
        if author is None or not {*self.problem.variables} <= full.keys():
            return {}
        given = author.arguments(as_author(self.problem, full))
        return {n: x for n, x in given.items() if n not in full and n in self.call.needed}

    def _of_forward(self, trial: Trial) -> dict[str, Any]:
        """Return the cache that the author's own forward pass returns, which is run for it.

        A method finds there, in its object, what the forward pass leaves.
        """
        forward = self.problem.function
        if forward is None or not (self.objects.is_shared or ALL in self.call.needed):
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
        result, left = self._result(trial, space)

        def fits(name: str, x: Any) -> bool:
            return name not in trial.truth or np.shape(x) == np.shape(trial.truth[name])

        values = {n: left[h].value for n, h in self.objects.homes.items() if h in left}
        known = {n: x for n, x in values.items() if n in self.wrt}
        expected = replace(self.expected, left=known)
        found, self.order = by_name(result, expected, fits)
        keys = unread_keys(result, expected)
        self.unread = unread_words(keys, [n for n in self.wrt if n not in found])
        names = {home: n for n, home in self.objects.held.homes.items()}
        for home, x in left.items():
            if home in names and names[home] not in self.wrt:
                because = "the forward pass, as it was traced, does not depend on it"
                self.unread[names[home]] = f"It leaves {x.words}, and {because}."
        return found

    def _result(self, trial: Trial, space: dict[str, Any]) -> tuple[Any, dict[Path, Left]]:
        """Return what the function returns at a point, and what it leaves in objects."""
        with self.objects.at(trial.space):
            standing, before = self.objects.standing(), self.objects.left()
            space = {**space, **self._of_forward(trial)}
            try:
                with np.errstate(all="ignore"):
                    result = self.call(space)
            except SymderivError:
                raise
            except (Exception, SystemExit) as error:  # whatever it raises is the finding
                raise _CallError(self._raised(error, trial, space)) from error
            left, now = self.objects.left(), self.objects.standing()
        homes = self.objects.held.homes
        replaced = {homes[n] for n, x in standing.items() if now.get(n) is not x}
        mine = {*self.objects.homes.values()}
        return result, {
            home: x
            for home, x in left.items()
            if home in mine
            or (
                home not in replaced and not (home in before and _same(before[home].value, x.value))
            )
        }

    def given(self, held: Mapping[str, Any]) -> list[str]:
        """Return of which arrays of objects the function gives gradients, by their words."""
        try:
            self.call = call_of(self.function, self.names)
            trial = next(iter(self.lab.some()))
            result, left = self._result(trial, self._space(trial))
        except (SymderivError, _CallError):
            return []
        homes = self.objects.held.homes
        returned = named_homes(result, homes)
        written = written_order(self.function, [*self.problem.variables, *held])
        return [n for n in held if homes[n] in left or n in {*returned, *written}]

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
    trees = [] if problem.function is None else [*problem.function.tree]
    others = [*lab.others(), *(n for n in trees if n not in problem.variables)]
    return ParameterNames(list(problem.variables), given, definitions, others, output)


def _sentences(error: SymderivError) -> str:
    words = f"{error.subject[0].upper()}{error.subject[1:]}"
    return f"{words}: {error.remedy}." if error.remedy else f"{words}."


def _evidence(trials: Sequence[Trial]) -> str:
    sizes = len({tuple(t.sizes.items()) for t in trials})
    return f"decided by numbers at {len(trials)} points of {sizes} choices of sizes, no proof"
