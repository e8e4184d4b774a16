"""Files, all or nothing: everything is made first, written under temporary names, then renamed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .errors import InputError


def write_files(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder (made if needed) and return their paths.

    A file is complete or absent: it is renamed into place when all have been written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as temporary:
            for name, content in contents.items():
                (Path(temporary) / name).write_bytes(content)
            for name in contents:
                os.replace(Path(temporary) / name, folder / name)
    except OSError as error:
        raise InputError(
            f"cannot write into {folder}: {error.strerror}",
            remedy="choose another folder with -o",
        ) from None
    return [folder / name for name in contents]


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file's content.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()
