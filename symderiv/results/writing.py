"""Files, all or nothing: everything is made first, written under temporary names, then renamed.

Contract: nothing is written outside the folder, no link in it is followed, and what somebody else
wrote is replaced only where that is asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.errors import InputError, ProblemFileError
from ..core.plaintext import shortened
from ..problems.toml_tables import read_text

CERTIFICATE, ANSWERS = "certificate.json", "answers.json"  # they show what was written with them
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}\Z")


def write_files(
    folder: str | Path, contents: Mapping[str, bytes], *, force: bool = False
) -> list[Path]:
    """Write files into a folder (made if needed) and return their paths.

    A file is complete or absent: it is renamed into place when all have been written. With
    ``force``, files that this program did not write, or that were changed since, are replaced; of
    a link it is the link, which is not followed. Raises InputError.
    """
    for name in contents:
        check_file_name(name)
    if not isinstance(folder, str | Path) or folder == "":
        raise InputError(f"{shortened(folder)} is no folder", remedy='write("output")')
    folder = Path(folder)
    if not force:
        _refuse_others(folder, contents)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as temporary:
            for name, content in contents.items():
                (Path(temporary) / name).write_bytes(content)
            for name in contents:
                os.replace(Path(temporary) / name, folder / name)
    except OSError as error:
        raise InputError(
            f"cannot write into {folder}: {error.strerror}", remedy="choose another folder with -o"
        ) from None
    except ValueError as error:  # a NUL in its name
        raise InputError(
            f"cannot write into {str(folder)!r}: {error}", remedy="choose another folder with -o"
        ) from None
    return [folder / name for name in contents]


def _refuse_others(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Refuse to replace files that are not as this program wrote them."""
    try:
        there = [n for n in contents if os.path.lexists(folder / n)]
    except ValueError:
        return  # no folder can have this name: writing into it says so
    written = _written_before(folder) if there else {}
    others = [n for n in there if not _is_own(folder / n, contents[n], written.get(n))]
    if others:
        verb = "was" if len(others) == 1 else "were"
        raise InputError(
            f"{', '.join(others)} in {folder} {verb} not written by symderiv, or changed since",
            remedy="choose another folder; --force (in Python: force=True) overwrites",
        )


def _is_own(path: Path, content: bytes, known: str | None) -> bool:
    """Whether nothing is lost with a file: it is what is written now, or what was written."""
    try:
        if not state_of(path, content) or known == _ANY:
            return True
        return known is not None and path.is_file() and digest(path.read_bytes()) == known
    except OSError:
        return False


_ANY = "any"  # in place of a digest: a file is its writer's, whatever stands in it


def _written_before(folder: Path) -> dict[str, str]:
    """Return the digests of the files in a folder that its certificate, or its report, tells of."""
    found: dict[str, str] = {}
    certificate = _json(folder / CERTIFICATE)
    if isinstance(certificate, dict) and "symderiv" in str(certificate.get("format")):
        listed = certificate.get("files")
        found.update(listed if isinstance(listed, dict) else {})
        found[CERTIFICATE] = _ANY
    answers = _json(folder / ANSWERS)
    if isinstance(answers, list) and all(isinstance(a, dict) and "verdict" in a for a in answers):
        found.update({f"answers.{suffix}": _ANY for suffix in ("md", "tex", "html", "pdf", "json")})
    return found


def _json(path: Path) -> object:
    try:
        return json.loads(read_text(path)) if path.is_file() and not path.is_symlink() else None
    except (OSError, ValueError, RecursionError, ProblemFileError):
        return None


def check_formats(formats: object, there: Sequence[str], what: str = "") -> list[str]:
    """Return formats, a list of names; raises InputError.

    >>> check_formats(["md"], ["md", "tex"])
    ['md']
    """
    if not isinstance(formats, list | tuple | set | frozenset):
        raise InputError(
            f"the formats are {shortened(formats)}, not a list", remedy=f'["{there[0]}"]'
        )
    unknown = [f for f in formats if f not in there]
    if unknown:
        raise InputError(
            f"no format {shortened(unknown[0])}{what}", remedy=f"there are: {', '.join(there)}"
        )
    return (
        [f for f in there if f in formats] if isinstance(formats, set | frozenset) else [*formats]
    )


def check_file_name(name: str) -> str:
    """Return the name of a file in a folder; raises InputError for a path, or a hidden file.

    >>> check_file_name("derivation.md")
    'derivation.md'
    """
    if not _FILE.match(name):
        raise InputError(f"{name[:60]!r} is no name of a file", remedy="letters, digits, _ - .")
    return name


def state_of(path: Path, content: bytes) -> str:
    """Return how a file differs from a content: nothing where it is that content.

    A link is not followed, and nothing is read of what has another size.
    """
    try:
        found = path.lstat()
    except OSError:
        return "is missing"
    if not stat.S_ISREG(found.st_mode):
        return "is no file of its own: a link, a folder or a device"
    if found.st_size != len(content) or path.read_bytes() != content:
        return "is not what is written from this derivation"
    return ""


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file's content.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()
