"""Files, all or nothing: everything is made first, written under temporary names, then renamed.

Contract: nothing is written outside the folder, and no link in it is followed.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.errors import InputError
from ..core.plaintext import shortened

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}\Z")


def write_files(folder: str | Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder (made if needed) and return their paths.

    A file is complete or absent: it is renamed into place when all have been written. A link that
    has its name is replaced, not followed. Raises InputError.
    """
    for name in contents:
        check_file_name(name)
    if not isinstance(folder, str | Path):
        raise InputError(f"{shortened(folder)} is no folder", remedy='write("output")')
    folder = Path(folder)
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
