"""Source laid out in lines that can be read: lists and long sums are broken at 100 columns."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from ..core.shapes import ONE, Shape
from ..problems.numpy_axes import array_shape
from .assignments import Assignment, shape_text

WIDE = 100
_MARGIN = 64  # comments of longer lines do not move those of the others
_LOOSE, _TIGHT = ("+", "-"), ("*", "/", "@")


def listed(head: str, items: Sequence[str], tail: str, indent: int = 4) -> list[str]:
    """Return ``head`` + the items + ``tail``, the items on lines of their own where it is long.

    >>> listed("f(", ["x", "y"], ")")
    ['    f(x, y)']
    """
    margin = " " * indent
    whole = f"{margin}{head}{', '.join(items)}{tail}"
    if len(whole) <= WIDE:
        return [whole]
    lines = [f"{margin}{head}"]
    current = ""
    for item in items:
        piece = f"{item.removesuffix(',')},"
        if current and len(margin) + 5 + len(current) + len(piece) > WIDE:
            lines.append(f"{margin}    {current}")
            current = ""
        current = f"{current} {piece}" if current else piece
    return [*lines, f"{margin}    {current}", f"{margin}{tail}"]


def assignments(lines: Sequence[Assignment], indent: int = 4) -> list[str]:
    """Return lines as source, their comments in one column; long ones are broken at signs."""
    margin = " " * indent
    codes = [f"{margin}{line.name} = {line.code}" for line in lines]
    wide = max((len(c) for c in codes if len(c) <= _MARGIN), default=0)
    found: list[str] = []
    for code, line in zip(codes, lines, strict=True):
        whole = f"{code.ljust(wide)}  # {line.comment}"
        if len(whole) <= WIDE:
            found.append(whole)
            continue
        parts = broken(line.code, WIDE - indent - 4)
        found.append(f"{margin}{line.name} = (  # {line.comment}")
        found += [f"{margin}    {p}" for p in parts]
        found.append(f"{margin})")
    return found


def broken(code: str, wide: int = WIDE - 8) -> list[str]:
    """Return an expression in lines that open with its loosest signs.

    >>> broken("a @ (b + c) + d")
    ['a @ (b + c)', '+ d']
    """
    for signs in (_LOOSE, _TIGHT):
        parts = _cut(code, signs)
        if len(parts) > 1:
            return [q for p in parts for q in (broken(p, wide) if len(p) > wide else [p])]
    head, bracket, inside = code.partition("(")
    if not bracket or code[-1] != ")" or any(c in "([{" for c in head) or not _closes(inside):
        return [code]
    return [f"{head}(", *(f"    {p}" for p in broken(inside[:-1], wide - 4)), ")"]


def _closes(inside: str) -> bool:
    """Whether the parenthesis that was opened before is closed at the very end."""
    depth = 1
    for c in inside[:-1]:
        depth += (c in "([{") - (c in ")]}")
        if not depth:
            return False
    return True


def _cut(code: str, signs: Sequence[str]) -> list[str]:
    """Return the code cut before the signs that stand in no parentheses; one in front stays."""
    parts: list[list[str]] = [[]]
    depth = 0
    for k, word in enumerate(code.split(" ")):
        if k and not depth and word in signs:
            parts.append([])
        parts[-1].append(word)
        depth += sum(word.count(c) for c in "([{") - sum(word.count(c) for c in ")]}")
    return [" ".join(p) for p in parts]


def tuple_text(dims: Sequence[str]) -> str:
    """Return a tuple as Python writes it."""
    return f"({', '.join(dims)}{',' * (len(dims) == 1)})"


def with_axis(name: str, dims: Sequence[str]) -> str:
    """Return the line that gives a column or a row its second axis where it comes without.

    >>> with_axis("G", ["1", "n"])
    '    G = np.atleast_2d(G)'
    """
    if dims[0] == "1":
        return f"    {name} = np.atleast_2d({name})"
    return f"    {name} = np.reshape({name}, (-1, 1)) if np.ndim({name}) == 1 else {name}"


def described(shape: Shape) -> str:
    """Return the shape of an array in words."""
    dims = array_shape(shape)
    return f"shape {shape_text(dims)}" if dims and shape != (ONE, ONE) else "a scalar"


def sentence(
    head: str, items: Sequence[str], tail: str, indent: int = 4, room: int = 0
) -> list[str]:
    """Return ``head`` + the items with commas + ``tail`` as lines; no item is broken.

    ``room`` columns of the first line are left free.

    >>> sentence("it holds ", ["Q (n, k)", "R (n,)"], ".", 0)
    ['it holds Q (n, k), R (n,).']
    """
    margin = " " * indent
    words = [*head.split(" ")[:-1], *(f"{x}," for x in items[:-1]), items[-1] + tail.split(" ")[0]]
    words += tail.split(" ")[1:]
    lines = [margin + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) > WIDE - room * (len(lines) == 1):
            lines.append(margin + word)
        else:
            lines[-1] += f" {word}"
    return lines


def paragraph(text: str, indent: int = 4, room: int = 0) -> list[str]:
    """Return text as lines; ``room`` columns of the first line are left free.

    >>> paragraph("Return H.")
    ['    Return H.']
    """
    margin = " " * indent
    first = " " * (indent + room)
    lines = wrap(text, WIDE, initial_indent=first, subsequent_indent=margin)
    return [margin + lines[0].lstrip(" "), *lines[1:]]


def spaced(source: str) -> str:
    """Return source with two blank lines before each function and class, as PEP 8 has it."""
    lines: list[str] = []
    for line in source.split("\n"):
        is_decorated = bool(lines) and lines[-1].startswith("@")
        if line.startswith(("def ", "class ", "@")) and not is_decorated:
            while lines and not lines[-1].strip():
                lines.pop()
            lines += ["", ""]
        lines.append(line)
    return "\n".join(lines).rstrip() + "\n"


def returning(names: Sequence[str]) -> list[str]:
    """Return the last line: what is returned, in parentheses where it takes several lines."""
    plain = f"    return {', '.join(names)}"
    return [plain] if len(plain) <= WIDE else listed("return (", names, ")")
