"""The page as one file: Python in the browser, with the engine and SymPy inside.

Contract: the same installation gives the same bytes; the file works from a disk, and with a
runtime inside needs no network. What is packed is the source of installed packages.
"""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Iterator
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ..core.errors import InputError
from ..documents.templates import filled, template_files
from .assets import asset

RUNTIME_VERSION = "314.0.7"  # of Pyodide
_RUNTIME = (
    *("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm"),
    *("python_stdlib.zip", "pyodide-lock.json"),
)
_ADDRESS = f"https://cdn.jsdelivr.net/pyodide/v{RUNTIME_VERSION}/full/"
_PACKAGES = ("symderiv", "sympy", "mpmath", "jinja2", "markupsafe")
_LEFT_OUT = frozenset(
    ["tests", "benchmarks", "__pycache__", "physics", "bench", "cli", "templates"]
)
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline' 'wasm-unsafe-eval' blob: {address}; worker-src blob:; "
    "font-src data:; img-src data:; connect-src data: blob: {address}; "
    "base-uri 'none'; form-action 'none'"
)
_MOMENT = (1980, 1, 1, 0, 0, 0)  # of every file in the archive: the same bytes each time


def single_page(runtime: Path | None = None) -> str:
    """Return the page; with the folder of a runtime (the npm package pyodide), that inside too.

    Raises InputError for a folder that lacks a part of the runtime.
    """
    parts = _runtime_parts(runtime) if runtime is not None else {}
    address = "https://runtime.invalid/" if parts else _ADDRESS
    allowed = "" if parts else "https://cdn.jsdelivr.net"
    return filled(
        "app.html.j2",
        single={
            "policy": _POLICY.format(address=allowed).replace(" ;", ";"),
            "style": asset("app.css"),
            "app": asset("app.js"),
            "worker": asset("worker.js"),
            "script": asset("single.js"),
            "address": address,
            "runtime": parts,
            "engine": b64encode(engine_archive()).decode(),
        },
    )


def _runtime_parts(folder: Path) -> dict[str, str]:
    """Return the files of a runtime, each packed, in base 64."""
    found = {}
    for name in _RUNTIME:
        try:
            content = (folder / name).read_bytes()
        except OSError:
            raise InputError(
                f"{folder} lacks {name}, a part of the runtime",
                remedy="give the folder of the npm package pyodide",
            ) from None
        found[name] = b64encode(gzip.compress(content, 9, mtime=0)).decode()
    return found


def engine_archive() -> bytes:
    """Return the sources of the engine and of what it imports, as an archive."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for name in _PACKAGES:
            for path, content in _sources(files(import_module(name)), name):
                archive.writestr(_entry(path), content)
        for path, text in template_files():
            archive.writestr(_entry(f"symderiv/templates/{path}"), text)
    return packed.getvalue()


def _entry(path: str) -> ZipInfo:
    found = ZipInfo(path, _MOMENT)
    found.compress_type = ZIP_DEFLATED
    return found


def _sources(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda x: x.name):
        here = f"{path}/{item.name}"
        if item.is_dir():
            if item.name not in _LEFT_OUT:
                yield from _sources(item, here)
        elif item.name.endswith((".py", ".toml")):
            yield here, item.read_bytes()
