"""The gallery in ``output/``: how it is made. Run ``python tests/gallery.py`` to write it again."""

import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import symderiv as sd
from symderiv.problems import library
from symderiv.results.outputs import FORMATS
from symderiv.results.writing import write_files

ROOT = Path(__file__).parent.parent / "output"
NAMES = library.names()
INDEX = "README.md"
# The others have a PDF as well, on demand; a history of 38 would be mostly pictures.
PRINTED = ("linear-layer", "softmax-cross-entropy", "layer-norm", "attention", "encoder-block")
_HEAD = """\
# Gallery

Every ready-made problem, derived, checked and written by `symderiv derive NAME -o NAME`: the
document (Markdown, LaTeX, for some PDF), the code with its test, and the certificate of what was
checked.

{pictures}

| Problem | Title | Gradients by | Files |
|---|---|---|---|
"""


def files_of(name: str) -> dict[str, bytes]:
    """Return the files of one gallery folder; of a printed one, its first page as a picture too."""
    d = sd.derive(name)
    printed = name in PRINTED
    files = d.files([f for f in FORMATS if f != "pdf" or printed])
    if printed:
        files["page-1.png"] = d.pictures()[0]
    return files


def index() -> str:
    """Return the table of contents of the gallery."""
    shown = [
        f'<a href="{n}/derivation.pdf"><img src="{n}/page-1.png" width="270" '
        f'alt="First page: {sd.load(n).title}"></a>'
        for n in PRINTED
    ]
    return _HEAD.format(pictures="\n".join(shown)) + "".join(_row(name) for name in NAMES)


def _row(name: str) -> str:
    problem = sd.load(name)
    module = name.replace("-", "_")
    wrt = ", ".join(f"`{w}`" for w in problem.wrt)
    files = {
        "PDF": "derivation.pdf",
        "LaTeX": "derivation.tex",
        "code": f"{module}.py",
        "test": f"test_{module}.py",
        "certificate": "certificate.json",
    }
    links = ", ".join(
        f"[{word}]({name}/{file})"
        for word, file in files.items()
        if word != "PDF" or name in PRINTED
    )
    return f"| [{name}]({name}/derivation.md) | {problem.title} | {wrt} | {links} |\n"


def write(name: str) -> str:
    """Write one folder anew and return its name."""
    shutil.rmtree(ROOT / name, ignore_errors=True)
    write_files(ROOT / name, files_of(name))
    return name


if __name__ == "__main__":
    with ProcessPoolExecutor() as pool:
        for done in pool.map(write, sys.argv[1:] or NAMES):
            print(done, flush=True)
    (ROOT / INDEX).write_text(index(), encoding="utf-8")
