"""A certificate poses its problem again, whichever variables it is about."""

import dataclasses
import json

import pytest

import symderiv as sd
from symderiv.evidence.recorded import Recorded, recorded
from symderiv.evidence.verification import problem_data
from symderiv.problems.library import names
from symderiv.results.derived import verify_folder

POSED = {
    "two-losses": lambda: sd.problem("L(X @ W) + L(W)", X="n, d", W="d, m", upstream="dZ"),
    "entrywise": lambda: sd.problem("J(f(W @ x))", J="loss", f="entrywise", W="n, d", x="d"),
    "column": lambda: sd.problem("sum(X @ w)", X="n, d", w="d, 1"),
    "kronecker": lambda: sd.problem(
        "sum(kron(A, B) @ vec(C))", A="n, n symmetric", B="m, m", C="m, n"
    ),
    "constructor": lambda: sd.problem("sum(ones(n) @ x.T)", x="d"),
    "unused": lambda: sd.problem("sum(x)", y="n", x="d"),
    "stacked": lambda: sd.stack(sd.load("ffn-relu"), 2),
}
HEAVY = {"encoder-block", "decoder-block", "multi-head-attention"}


def test_checks_side_by_side_find_the_same() -> None:
    alone, beside = sd.derive("linear-layer", wrt="W"), sd.derive("linear-layer", wrt="W")
    assert beside.verify(jobs=2).to_json() == alone.verify().to_json()
    assert beside.files(["md", "py"]) == alone.files(["md", "py"])


def again(data: dict) -> Recorded:
    return recorded(json.loads(json.dumps(data)), "it")


@pytest.mark.parametrize("name", [*names(), *POSED])
def test_a_certificate_poses_the_same_problem(name):
    problem = POSED[name]() if name in POSED else sd.load(name)
    known = again({"problem": problem_data(problem)})
    posed = known.problem
    assert tuple(known.wrt) == problem.wrt
    for field in dataclasses.fields(problem):
        if field.name in ("place", "symbols", "stack", "meanings"):
            continue  # what a stack is fed with stays with the file
        assert getattr(posed, field.name) == getattr(problem, field.name), field.name
    for n in (*problem.definitions, *problem.upstream):
        assert posed.meanings.get(n) == problem.meanings.get(n)


def test_a_gradient_by_fewer_variables_leaves_the_problem_as_it_is():
    derivation = sd.derive("linear-layer", wrt=["b"])
    data = json.loads(derivation.files(["py"])["certificate.json"])
    assert data["problem"]["wrt"] == ["W", "b", "X"]
    assert data["options"]["wrt"] == ["b"]
    assert again(data).wrt == ["b"]


def verified(derivation, folder) -> list[str]:
    derivation.write(folder, formats=["md", "py"])
    return verify_folder(folder)[1]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("wrt", ["b", "X", "W, X"])
def test_what_was_just_written_is_verified(wrt, tmp_path):
    """Also where the claims of the document are about another variable."""
    assert verified(sd.derive("linear-layer", wrt=wrt), tmp_path) == []


def test_a_jacobian_by_one_of_two_variables_is_verified(tmp_path):
    matrix = sd.jacobian(sd.problem("x * (A @ x)", x="n", A="n, n"), "A")
    matrix.write(tmp_path, formats=["md"])
    assert verify_folder(tmp_path)[1] == []


def _subsets() -> list[tuple[str, tuple[str, ...]]]:
    """The last variable of every problem alone, and the first with it."""
    found = []
    for name in names():
        first, *_, last = [*sd.load(name).wrt] * 2
        chosen = dict.fromkeys([(last,), (first, last) if first != last else (first,)])
        found += [(name, c) for c in (list(chosen)[:1] if name in HEAVY else chosen)]
    return found


@pytest.mark.slow
@pytest.mark.sampled(16, rest="exhaustive")
@pytest.mark.parametrize(("name", "wrt"), _subsets())
def test_any_variables_of_any_problem_are_verified(name, wrt, tmp_path):
    assert verified(sd.derive(name, wrt=list(wrt)), tmp_path) == []
