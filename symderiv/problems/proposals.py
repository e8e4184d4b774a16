"""What an error says to write instead of a text as mathematicians type it.

Contract: a proposal is read before it is shown, so that what an error says can be typed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from ..core.errors import LanguageError, TooLargeError
from .rewriting import KnownNames, NoFormError, Rewriter

_LONGEST = 2_000  # characters of a text that is looked at
_LONGEST_PROPOSAL = 400


def rewritten(text: str, names: KnownNames, reads: Callable[[str], bool]) -> str | None:
    """Return a text of the language that says what a text says, or None.

    ``reads`` tells whether a proposal can be read; the first that can is returned.

    >>> rewritten("||Xw - y||^2", KnownNames({}), lambda text: True)
    'norm(X @ w - y) ** 2'
    """
    if len(text) > _LONGEST:
        return None
    lines = [line for line in re.split(r"[;\n]", text.partition("#")[0]) if line.strip()]
    for star, power in (("*", "@"), ("@", "@"), ("*", "*"), ("@", "*")):
        try:
            found = [Rewriter(line, names, star, power).statement() for line in lines]
        except (NoFormError, RecursionError):
            continue
        proposal = "; ".join(found)
        if len(proposal) <= _LONGEST_PROPOSAL and not _same(proposal, text) and reads(proposal):
            return proposal
    return None


def propose(
    error: LanguageError, text: str, names: KnownNames, read: Callable[[str], object]
) -> None:
    """Let an error say how its text is written in the language, where ``read`` can read that.

    A number beyond the limits is written as it should be: what could be read says something else.
    """
    if isinstance(error, TooLargeError):
        return

    def reads(proposal: str) -> bool:
        try:
            read(proposal)
        except LanguageError:
            return False
        return True

    found = rewritten(text, names, reads)
    if found is not None:
        error.remedy = f"write {found}"


def _same(left: str, right: str) -> bool:
    """Whether two texts are one program, so that nothing was rewritten."""
    try:
        return ast.dump(ast.parse(left)) == ast.dump(ast.parse(right.strip()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
