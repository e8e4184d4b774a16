"""The picture of a computation in its document: only for networks, only where it can be read."""

from __future__ import annotations

from .graph import graph_of
from .graphprint import GraphPicture
from .model import Block, Document, Graph, SymbolTable, Toned
from .symbols_shown import Scribe
from .theme import COTANGENT

GRAPH_FILE = "graph.svg"  # beside a document in Markdown
_NARROW = 250.0  # points: a wider picture leaves no room for a table beside it
_ROW = 14.5  # points of a row of a table
_SHORT = 260.0  # points that a table beside a picture may have, however small that is


def graph_section(scribe: Scribe) -> list[Block]:
    """Return the picture of a computation with a sentence; nothing where definitions are few."""
    if not scribe.tabled:
        return []
    picture = GraphPicture(graph_of(scribe.derivation, scribe.write.cotangent))
    if not picture.legible:
        return []
    back = Toned(COTANGENT, "cotangents flow back up")
    return [Graph(("The computation as a graph: values flow down, ", back, "."), picture)]


def beside(blocks: list[Block]) -> list[Block]:
    """Return blocks with the table of symbols beside a graph that leaves it enough room."""
    graph = next((b for b in blocks if isinstance(b, Graph)), None)
    table = next((b for b in blocks if isinstance(b, SymbolTable)), None)
    if graph is None or table is None:
        return blocks
    scene = graph.picture.scene
    high = scene.height * scene.scale
    if scene.width * scene.scale > _NARROW or len(table.rows) * _ROW > max(high, _SHORT):
        return blocks
    both = Graph(graph.text, graph.picture, table.rows)
    return [both if b is table else b for b in blocks if b is not graph]


def graph_files(document: Document) -> dict[str, bytes]:
    """Return the pictures that a document in Markdown refers to, by file name."""
    found = [b.picture for b in document.blocks if isinstance(b, Graph)]
    return {GRAPH_FILE: found[0].svg().encode()} if found else {}
