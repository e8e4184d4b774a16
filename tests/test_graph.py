"""Pictures of computation graphs: complete, pointing down, nothing on top of anything else."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise
from pathlib import Path

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from symderiv import derive
from symderiv.cli.main import main
from symderiv.core.errors import MissingRuleError
from symderiv.derivation.derivations import DerivedGradients
from symderiv.documents.arrange import build
from symderiv.documents.graph import graph_of
from symderiv.documents.graphlayout import Box, GraphLayout, layers_of, place
from symderiv.documents.graphprint import GraphPicture
from symderiv.documents.graphscene import scene_of
from symderiv.documents.render import latex, markdown, pdf
from symderiv.documents.symbols_shown import Scribe
from symderiv.notation.words import words
from symderiv.problems import Problem
from symderiv.problems.library import load_named, names

NETWORKS = [n for n in names() if len(load_named(n).definitions) > 4]
DRAWN = [n for n in names() if load_named(n).definitions]


def derivation_of(name: str) -> DerivedGradients:
    return DerivedGradients(load_named(name))


def check_layout(boxes: dict[str, Box], arrows: list[tuple[str, str]], layout: GraphLayout) -> None:
    assert {*layout.centers} == {*boxes}
    assert {*layout.paths} == {*arrows}
    areas = {}
    for name, (x, y) in layout.centers.items():
        b = boxes[name]
        left, right = x - b.width / 2 - b.left, x + b.width / 2 + b.right
        assert left > -0.2
        assert right < layout.width + 0.2
        areas[name] = (left, y - b.height / 2, right, y + b.height / 2)
    for one, other in combinations(areas.values(), 2):
        apart = one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
        assert apart
    for (source, target), path in layout.paths.items():
        for (_, b), (_, y) in pairwise(path):
            assert b <= y  # down
        assert layout.centers[source][1] < path[0][1] < path[-1][1] < layout.centers[target][1]
        for name, area in areas.items():
            if name not in (source, target):
                assert not any(meets(p, q, area) for p, q in pairwise(path)), (source, target, name)


def meets(
    p: tuple[float, float], q: tuple[float, float], area: tuple[float, float, float, float]
) -> bool:
    """Whether a segment passes through the inside of an area."""
    low, high = 0.0, 1.0
    for a, b, start, stop in ((p[0], q[0], area[0], area[2]), (p[1], q[1], area[1], area[3])):
        if a == b:
            if not start < a < stop:
                return False
            continue
        first, last = sorted(((start - a) / (b - a), (stop - a) / (b - a)))
        low, high = max(low, first), min(high, last)
    return high - low > 1e-9


@pytest.mark.parametrize("name", DRAWN)
def test_every_problem_of_the_library_is_drawn(name: str) -> None:
    graph = graph_of(derivation_of(name))
    problem = load_named(name)
    shown = [n.name for n in graph.nodes] + [p.name for n in graph.nodes for p in n.beside]
    assert {*problem.definitions} <= {*shown}
    assert {*problem.wrt} <= {*shown}
    order = [n.name for n in graph.nodes]
    assert len({*order}) == len(order)
    arrows = [(e.source, e.target) for e in graph.edges]
    assert len({*arrows}) == len(arrows)
    assert all(order.index(a) < order.index(b) for a, b in arrows)
    boxes = {n: Box(40.0, 17.0, 20.0, 5.0 * (k % 3)) for k, n in enumerate(order)}
    check_layout(boxes, arrows, place(boxes, arrows))


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_fit_a_page(name: str) -> None:
    picture = GraphPicture(graph_of(derivation_of(name)))
    assert picture.legible
    scene = picture.scene
    for s in scene.strokes:
        for x, y in s.points:
            assert 0 <= x <= scene.width
            assert 0 <= y <= scene.height
    for f in scene.frames:
        for x in scene.labels:
            inside = f.x < x.x < f.x + f.width and f.y < x.y < f.y + f.height
            assert not inside or x.anchor == "middle"


def test_the_block_of_an_encoder_is_at_most_half_a_page_and_legible() -> None:
    scene = GraphPicture(graph_of(derivation_of("encoder-block"))).scene
    assert scene.scale >= 0.8
    assert scene.height * scene.scale < 842 / 2


def test_cotangents_have_their_names_and_arrows() -> None:
    graph = graph_of(DerivedGradients(load_named("encoder-block"), ["W1"]))
    nodes = {n.name: n for n in graph.nodes}
    back = {(e.source, e.target) for e in graph.edges if e.backward}
    assert ("H", "F") in back
    assert ("Y1", "H") not in back
    assert nodes["H"].adjoint is not None
    assert nodes["Q"].adjoint is None
    assert nodes["X"].adjoint is None
    assert [p.name for p in nodes["H"].beside if p.receives] == ["W1"]
    assert nodes["S"].operation == "softmax"


def test_the_arrows_of_what_is_used_twice_are_all_there() -> None:
    graph = graph_of(derivation_of("lstm-cell"))
    assert sum(e.source == "h_prev" for e in graph.edges) == 4


def test_what_very_many_definitions_use_stands_beside_each() -> None:
    steps = [f"H{k} = relu(H{k - 1} @ W)" for k in range(2, 60)]
    d = derive("; ".join(["H1 = relu(X @ W)", *steps, "sum(H59)"]), wrt="W")
    graph = graph_of(d.data)
    assert [n.name for n in graph.nodes if n.kind == "input"] == ["X"]
    assert sum(p.name == "W" for n in graph.nodes for p in n.beside) == 59
    assert not GraphPicture(graph).legible  # too tall for a page: its document shows none
    assert d.graph().svg() == GraphPicture(graph).svg()


@st.composite
def dags(draw: st.DrawFn) -> tuple[dict[str, Box], list[tuple[str, str]]]:
    count = draw(st.integers(1, 14))
    lengths = st.floats(10, 90).map(lambda x: round(x, 1))
    boxes = {
        f"v{k}": Box(draw(lengths), 17.0, draw(lengths) - 10, draw(lengths) - 10)
        for k in range(count)
    }
    pairs = list(combinations(boxes, 2))
    arrows = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=26)) if pairs else []
    return boxes, arrows


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(dags())
def test_any_graph_is_laid_out(case: tuple[dict[str, Box], list[tuple[str, str]]]) -> None:
    boxes, arrows = case
    layer = layers_of(list(boxes), arrows)
    assert all(layer[a] < layer[b] for a, b in arrows)
    assert min(layer.values()) == 0
    layout = place(boxes, arrows)
    check_layout(boxes, arrows, layout)
    assert layout == place(boxes, arrows)


def test_a_graph_without_crossings_is_drawn_without() -> None:
    boxes = dict.fromkeys("abcdef", Box(30.0, 17.0))
    arrows = [("a", "f"), ("b", "e"), ("c", "d")]
    layout = place(boxes, arrows)
    for source, target in arrows:
        assert layout.centers[source][0] == layout.centers[target][0]


@pytest.mark.parametrize("name", NETWORKS)
def test_svg_is_well_formed_and_has_its_words(name: str) -> None:
    picture = GraphPicture(graph_of(derivation_of(name)))
    root = ElementTree.fromstring(picture.svg())
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title") is not None
    described = root.find(f"{space}desc")
    assert described is not None
    assert described.text == picture.graph.alt
    assert picture.svg() == GraphPicture(graph_of(derivation_of(name))).svg()
    assert picture._repr_svg_() == picture.svg()


def hostile() -> GraphPicture:
    problem: Problem = derive("H_1_2 = X @ W_under_score; F = relu(H_1_2); sum(F)").problem
    object.__setattr__(problem, "title", 'A <b> & "c" #$%_{}\\ ]]> *x*')
    return GraphPicture(graph_of(DerivedGradients(problem)))


def test_labels_are_escaped() -> None:
    picture = hostile()
    assert "<b>" not in picture.svg()
    ElementTree.fromstring(picture.svg())
    typst.compile(picture.typst().encode(), ignore_system_fonts=True)


def test_a_problem_without_definitions_has_no_graph() -> None:
    with pytest.raises(MissingRuleError, match="named definitions"):
        derive("sum(X @ W)", wrt="W").graph()


def test_documents_show_the_graphs_of_networks() -> None:
    page = build(derivation_of("multi-head-attention"))
    assert "](graph.svg)" in markdown(page)
    assert pdf(page).startswith(b"%PDF")
    assert "graph.svg" not in markdown(build(derivation_of("linear-layer")))


def test_the_file_is_written(tmp_path: Path) -> None:
    text = "H = X @ W; F = relu(H); sum(F)"
    with pytest.raises(SystemExit):
        main(["derive", text, "-o", str(tmp_path), "--format", "svg"])
    assert (tmp_path / "graph.svg").read_text("utf-8").startswith("<svg")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="TeX is not installed")
@pytest.mark.parametrize("name", ["encoder-block", "decoder-block", "lstm-cell"])
def test_tex_takes_it_on_a_page(tmp_path: Path, name: str) -> None:
    source = latex(build(derivation_of(name)))
    head = source[: source.index(r"\begin{document}")]
    body = GraphPicture(graph_of(derivation_of(name))).latex()
    lines = [head, r"\begin{document}", r"\begin{center}", body, r"\end{center}", r"\end{document}"]
    (tmp_path / "graph.tex").write_text("\n".join(lines), "utf-8")
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "graph.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert run.returncode == 0, run.stdout[-800:]
    assert "Overfull" not in run.stdout
    assert "(1 page" in run.stdout


def test_scenes_leave_out_operations_where_a_page_is_narrow() -> None:
    scene = scene_of(graph_of(derivation_of("lstm-cell")))
    assert scene.scale == 1


@pytest.mark.parametrize("cotangent", ["d", "bar"])
def test_cotangents_are_called_as_in_the_text(cotangent: str) -> None:
    derivation = derivation_of("lstm-cell")
    scribe = Scribe(derivation, {}, cotangent)
    shown = {n.name: n.adjoint for n in graph_of(derivation, cotangent).nodes}
    for s in scribe.sections:
        name, adjoint = str(s.target.data), shown.get(str(s.target.data))
        if name in derivation.problem.definitions and s.given is not None:
            assert adjoint is not None
            assert words(adjoint) == words(scribe.write(s.given))
