"""The gallery in ``output/``: how it is made. Run ``python tests/gallery.py`` to write it again."""

from pathlib import Path

import symderiv as sd
from symderiv.documents import pictures
from symderiv.outputs import FORMATS, build_files, document
from symderiv.writing import write_files

ROOT = Path(__file__).parent.parent / "output"
NAMES = ["linear-layer"]


def files_of(name: str) -> dict[str, bytes]:
    """Return the files of one gallery folder, the first page as a picture among them."""
    d = sd.derive(sd.load(name))
    files = build_files(d, d.evidence, d.verdicts, FORMATS)
    files["page-1.png"] = pictures(document(d, d.evidence, d.verdicts, "index"))[0]
    return files


if __name__ == "__main__":
    for folder in NAMES:
        for path in write_files(ROOT / folder, files_of(folder)):
            print(path)
