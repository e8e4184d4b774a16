"""The committed gallery is what is made today, byte for byte, and its tests pass."""

import importlib.metadata
import json
import subprocess
import sys
from typing import Any

import gallery
import pytest

PICTURES = (".pdf", ".png")  # made by Typst: the same bytes for the same version of it


def portable(content: bytes) -> dict[str, Any]:
    """Return a certificate without what depends on the machine: rounding, installed libraries."""
    data: dict[str, Any] = json.loads(content)
    for difference in data["differences"]:
        del difference["error"]
    data["files"] = {n: d for n, d in data["files"].items() if not n.endswith(PICTURES)}
    return {k: v for k, v in data.items() if k not in ("versions", "backends")}


@pytest.fixture(scope="module", params=gallery.NAMES)
def made(request: pytest.FixtureRequest) -> tuple[str, dict[str, bytes]]:
    """Return the name and the files of a gallery folder, made now."""
    return request.param, gallery.files_of(request.param)


def test_gallery_is_what_is_made_today(made: tuple[str, dict[str, bytes]]) -> None:
    name, files = made
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


@pytest.mark.parametrize("name", gallery.NAMES)
def test_gallery_code_passes_its_test(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-IB", "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=gallery.ROOT / name,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
