"""Files that somebody else wrote, or changed, are replaced only where that is asked for."""

import json
from pathlib import Path

import pytest

from symderiv.core.errors import InputError
from symderiv.results.writing import digest, write_files


def written(folder: Path, **contents: bytes) -> dict[str, bytes]:
    """Return files as a derivation writes them, its certificate among them."""
    files = {f"{stem}.md": content for stem, content in contents.items()}
    listed = {name: digest(content) for name, content in files.items()}
    certificate = json.dumps({"format": "symderiv certificate 1", "files": listed}).encode()
    files["certificate.json"] = certificate
    write_files(folder, files)
    return files


def test_what_was_written_is_written_again(tmp_path: Path) -> None:
    written(tmp_path, a=b"old")
    written(tmp_path, a=b"new")
    assert (tmp_path / "a.md").read_bytes() == b"new"


@pytest.mark.parametrize("certificate", [None, b"{}", b"[", b'{"format": 3, "files": []}', b"\xff"])
def test_a_file_of_somebody_else_stays(tmp_path: Path, certificate: bytes | None) -> None:
    (tmp_path / "a.md").write_bytes(b"mine")
    if certificate is not None:
        (tmp_path / "certificate.json").write_bytes(certificate)
    with pytest.raises(InputError, match="not written by symderiv.*\n.*--force"):
        write_files(tmp_path, {"b.md": b"", "a.md": b"new"})
    assert (tmp_path / "a.md").read_bytes() == b"mine"
    assert not (tmp_path / "b.md").exists()
    write_files(tmp_path, {"a.md": b"new"}, force=True)
    assert (tmp_path / "a.md").read_bytes() == b"new"


def test_a_file_that_was_changed_stays(tmp_path: Path) -> None:
    written(tmp_path, a=b"old", b=b"old")
    (tmp_path / "a.md").write_bytes(b"old, with notes")
    with pytest.raises(InputError, match="^a.md in .* changed since"):
        written(tmp_path, a=b"new", b=b"new")
    assert (tmp_path / "b.md").read_bytes() == b"old"


def test_the_same_bytes_lose_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.md": b"text"})
    write_files(tmp_path, {"a.md": b"text"})


def test_a_link_is_replaced_only_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="not written by symderiv"):
        write_files(tmp_path, {"a.md": b"new"})
    write_files(tmp_path, {"a.md": b"new"}, force=True)
    assert not (tmp_path / "elsewhere").exists()


def test_a_report_is_written_again_beside_its_answers(tmp_path: Path) -> None:
    answers = json.dumps([{"verdict": "right"}]).encode()
    write_files(tmp_path, {"answers.md": b"one", "answers.json": answers})
    write_files(tmp_path, {"answers.md": b"two", "answers.json": answers})
    (tmp_path / "answers.json").write_text('["mine"]')
    with pytest.raises(InputError, match="answers.md, answers.json in .* were not written"):
        write_files(tmp_path, {"answers.md": b"three", "answers.json": answers})


def test_a_folder_without_a_name_is_refused() -> None:
    with pytest.raises(InputError, match="is no folder"):
        write_files("", {"a.md": b""})
