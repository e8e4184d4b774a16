"""Checking many claims, in several processes where asked; the answers keep their order.

Contract: the same claims give the same answers with any number of processes. What cannot be read
or decided is an answer of its own, and keeps no other claim from being checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from ..claims import Checker, Verdict
from ..claims.about import read_about, says_asked
from ..core.errors import InputError, SymderivError
from ..core.plaintext import shortened
from ..core.telling import unheard
from ..ops.text import text
from ..problems import ClaimText, Problem
from ..problems.posing import is_file_name, load, names_problem
from ..problems.syntaxes import PYTHON
from ..problems.tracing.formulas import in_language
from .answers import FAILED, UNREADABLE, Answer, Answers
from .sheets import Asked, of_problem, read_sheet

Progress = Callable[[int, int], None]


def check_all(
    *sources: str | Path | Problem, jobs: int = 1, progress: Progress | None = None
) -> Answers:
    """Return the answers to every claim of some files, ready-made problems and problems.

    A file is a problem file with its ``[[claims]]``, a sheet of claims about many problems
    (``[[check]]`` in TOML, or an object a line in a ``.jsonl`` file). ``jobs`` processes work side
    by side; ``progress`` is told how many of how many are done. Raises ProblemFileError for a file
    that is not as documented; a claim that cannot be read is answered so.

    >>> answers = check_all("linear-layer")
    >>> answers.counts
    {'wrong': 3}
    >>> answers[1].verdict.diagnosis[:38]
    'The first depends on `G[1, :]` and `X['
    """
    return check_asked([a for s in sources for a in asked_of(s)], jobs=jobs, progress=progress)


def check_asked(
    asked: Sequence[Asked], *, jobs: int = 1, progress: Progress | None = None
) -> Answers:
    """Return the answers to some claims; raises InputError where there are none."""
    if not asked:
        raise InputError("there is nothing to check", remedy="name a file: symderiv check FILE")
    found: list[Answer] = []
    for answer in _answers(asked, jobs):
        found.append(answer)
        if progress is not None:
            progress(len(found), len(asked))
    return Answers(tuple(found))


def asked_of(source: str | Path | Problem) -> list[Asked]:
    """Return the claims of a file, of a ready-made problem by its name, or of a problem."""
    if isinstance(source, Problem):
        return of_problem(source)
    if isinstance(source, str) and names_problem(source) and not is_file_name(source):
        return of_problem(load(source))
    return read_sheet(Path(source))


def _answers(asked: Sequence[Asked], jobs: int) -> Iterator[Answer]:
    if not isinstance(jobs, int) or jobs < 1:
        raise InputError(f"{shortened(jobs)} processes cannot work", remedy="jobs=2")
    if jobs == 1 or len(asked) == 1:
        yield from map(answer, asked)
        return
    with ProcessPoolExecutor(min(jobs, len(asked)), initializer=unheard) as pool:
        try:
            for one, given in zip(pool.map(answer, asked), asked, strict=True):
                yield replace(one, problem=given.problem)  # the one that its neighbours are about
        except BaseException:  # an interrupt: what has not begun is not begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def answer(asked: Asked) -> Answer:
    """Return the answer to one claim, which may be that there is none."""
    try:
        return replace(judged(asked), label=asked.label)
    except SymderivError as error:
        status, reason = UNREADABLE, str(error)
    except (ArithmeticError, LookupError, NameError, TypeError, ValueError) as error:
        status, reason = FAILED, f"{type(error).__name__} in the program: {error}"
    one = Answer(asked.name, asked.claim, asked.problem, status, reason=reason)
    return replace(one, label=asked.label)


def judged(asked: Asked) -> Answer:
    """Return the verdict on one claim; raises what keeps it from being read or decided."""
    if asked.problem is None:
        return Answer(asked.name, asked.claim, None, UNREADABLE, reason=asked.refusal)
    verdict = verdict_on(asked.problem, asked.claim)
    return Answer(asked.name, asked.claim, asked.problem, verdict.verdict, verdict)


def verdict_on(problem: Problem, claim: ClaimText) -> Verdict:
    """Return the verdict on a claim, which may be written as NumPy is.

    >>> p = load("linear-layer")
    >>> v = verdict_on(p, ClaimText("dL/dW", ("np.dot(X.T, dout)",)))
    >>> v.verdict, v.read_as
    ('right', 'X.T @ G')
    """
    checker = Checker(problem)
    if claim.syntax != PYTHON.name:
        return checker.check(claim)
    problem, about = checker.problem, read_about(claim.about)
    says = tuple(
        line if says_asked(line, about, problem.known()) else in_language(problem, line)
        for line in claim.says
    )
    verdict = checker.check(replace(claim, says=says))
    if says == claim.says:
        return verdict
    read = [text(x) for x in verdict.claimed] if len(says) == 1 else says
    return replace(verdict, claim=claim, reread=" = ".join(read or says))
