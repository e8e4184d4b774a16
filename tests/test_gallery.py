"""The committed gallery is what is made today, byte for byte, and its tests pass."""

import importlib.metadata
import json
import os
import subprocess
import sys
from typing import Any

import gallery
import pytest

PICTURES = (".pdf", ".png")  # made by Typst: the same bytes for the same version of it
QUICK = ("linear-layer", "ridge-regression")
FOLDERS = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in gallery.NAMES
]


def portable(content: bytes) -> dict[str, Any]:
    """Return a certificate without what depends on the machine: rounding, installed libraries."""
    data: dict[str, Any] = json.loads(content)
    for difference in data["differences"]:
        del difference["error"]
    data["files"] = {n: d for n, d in data["files"].items() if not n.endswith(PICTURES)}
    return {k: v for k, v in data.items() if k not in ("versions", "backends")}


@pytest.mark.parametrize("name", FOLDERS)
def test_gallery_is_what_is_made_today(name: str) -> None:
    files = gallery.files_of(name)
    folder = gallery.ROOT / name
    assert sorted(p.name for p in folder.iterdir()) == sorted(files)
    committed = json.loads((folder / "certificate.json").read_bytes())
    same_typst = committed["versions"]["typst"] == importlib.metadata.version("typst")
    for file, content in files.items():
        old = (folder / file).read_bytes()
        if file == "certificate.json":
            assert portable(old) == portable(content)
        elif not file.endswith(PICTURES) or same_typst:
            assert old == content, f"{file} differs: look at it, then run python tests/gallery.py"


def test_gallery_has_every_ready_made_problem_and_no_more() -> None:
    found = sorted(p.name for p in gallery.ROOT.iterdir())
    assert found == sorted([*gallery.NAMES, gallery.INDEX])
    assert (gallery.ROOT / gallery.INDEX).read_text(encoding="utf-8") == gallery.index()


@pytest.mark.slow
def test_gallery_code_passes_its_tests() -> None:
    done = subprocess.run(
        [sys.executable, "-IB", "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=gallery.ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
