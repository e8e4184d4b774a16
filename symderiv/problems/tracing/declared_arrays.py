"""Arguments of a function as they are declared: shapes as texts, alone or in dicts and lists.

``trace(f, X="n, d", params={"W1": "d, m", "b1": "m"})`` declares three arrays. Each becomes a
variable under its own key; where two keys are alike, under the path to it. An array of numbers in
the place of a text is an example: its shape counts, its numbers do not.
"""

from __future__ import annotations

import dataclasses
import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...core.errors import InputError
from ...core.plaintext import shortened
from ...core.shapes import Shape

_NAME = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)
Path = tuple[str | int, ...]
UNKNOWN = "?)"  # behind label(, where nobody said how many labels there are


@dataclass(frozen=True, slots=True)
class Declared:
    """An array that a function is given: its name as a variable, and what was declared of it.

    ``dims`` are the axes that the function sees, ``integers`` says that it holds labels.
    """

    name: str
    path: Path
    text: str
    dims: Shape = ()
    integers: bool = False


def leaves(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the declaration of every array of a tree.

    >>> list(leaves({"X": "n, d", "params": [{"W": "d, m"}]}))
    [(('X',), 'n, d'), (('params', 0, 'W'), 'd, m')]
    """
    parts = _parts(tree)
    if parts is None:
        yield path, tree
        return
    for key, part in parts:
        yield from leaves(part, (*path, key))


def mapped(change: Callable[[Path, Any], Any], tree: Any, path: Path = ()) -> Any:
    """Return a tree of the same form with every declaration exchanged."""
    parts = _parts(tree)
    if parts is None:
        return change(path, tree)
    new = {key: mapped(change, part, (*path, key)) for key, part in parts}
    if isinstance(tree, Mapping):
        return new
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return dataclasses.replace(tree, **{str(k): v for k, v in new.items()})
    values = list(new.values())
    if hasattr(tree, "_fields"):  # a named tuple
        return type(tree)(*values)
    return tuple(values) if isinstance(tree, tuple) else values


def _parts(tree: Any) -> list[tuple[str | int, Any]] | None:
    """Return the parts of a dict, list, tuple or dataclass by key; None for anything else."""
    if isinstance(tree, Mapping):
        for key in tree:
            if not isinstance(key, str):
                raise InputError(
                    f"{shortened(key)} is a key, but not a text", remedy='{"W": "d, m"}'
                )
        return list(tree.items())
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return [(f.name, getattr(tree, f.name)) for f in dataclasses.fields(tree) if f.init]
    if isinstance(tree, list | tuple):
        names = getattr(tree, "_fields", range(len(tree)))
        return list(zip(names, tree, strict=True))
    return None


def picked_output(output: int | str | None, value: Any) -> Any:
    """Return what is differentiated of what a function returns: by default, the first array.

    >>> picked_output(None, ("out", "cache")), picked_output("loss", {"logits": 1, "loss": 2})
    ('out', 2)
    """
    if isinstance(value, Mapping) or (hasattr(value, "_fields") and isinstance(output, str)):
        items = dict(value) if isinstance(value, Mapping) else value._asdict()
        if not items:
            raise InputError("the function returns an empty dict", remedy="return the value in it")
        key = next(iter(items)) if output is None else output
        if key not in items:
            raise InputError(
                f"the function returns no {shortened(key)}",
                remedy=f"it returns {', '.join(map(str, items))}",
            )
        return picked_output(None, items[key])
    if isinstance(value, tuple | list) and value:
        place = 0 if output is None else output
        if not isinstance(place, int) or not -len(value) <= place < len(value):
            raise InputError(
                f"the function returns no {shortened(place)}",
                remedy=f"it returns {len(value)} values; they are counted from 0: output=0",
            )
        return picked_output(None, value[place])
    return value


def names_of(paths: list[Path]) -> dict[Path, str]:
    """Return a name for every array: its own key, or the path to it where that is not unique.

    >>> names_of([("X",), ("p", "W"), ("p", 0)]) == {("X",): "X", ("p", "W"): "W", ("p", 0): "p0"}
    True
    """
    short = {p: _joined(p[_last_word(p) :]) for p in paths}
    counted = Counter(short.values())
    found = {p: s if counted[s] == 1 else _joined(p) for p, s in short.items()}
    found = {p: f"{s}_" if keyword.iskeyword(s) and len(p) > 1 else s for p, s in found.items()}
    for path, name in found.items():
        if not _NAME.match(name):
            raise InputError(
                f"{'.'.join(map(str, path))} cannot be the name of a variable",
                remedy="use letters of the alphabet, digits and _",
            )
    return found


def _last_word(path: Path) -> int:
    """Return where the last key that is a word stands in a path."""
    return max(k for k, key in enumerate(path) if isinstance(key, str))


def _joined(path: Path) -> str:
    """Return a path as one name: layers, 0, W as layers0_W."""
    name = ""
    for key in path:
        name += str(key) if isinstance(key, int) or not name else f"_{key}"
    return name.replace(".", "_").replace("-", "_")
