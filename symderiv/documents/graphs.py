"""The picture of a computation in its document: only for networks, only where it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .graph import graph_of
from .graphprint import GraphPicture
from .model import Block, Document, Graph, Toned
from .theme import COTANGENT

if TYPE_CHECKING:
    from ..derivation.derivations import DerivedGradients

GRAPH_FILE = "graph.svg"  # beside a document in Markdown


def graph_section(derivation: DerivedGradients) -> list[Block]:
    """Return the picture of a network with a sentence; nothing for what has few definitions."""
    if not derivation.is_network:
        return []
    picture = GraphPicture(graph_of(derivation))
    if not picture.legible:
        return []
    back = Toned(COTANGENT, "cotangents flow back up")
    return [Graph(("The computation as a graph: values flow down, ", back, "."), picture)]


def graph_files(document: Document) -> dict[str, bytes]:
    """Return the pictures that a document in Markdown refers to, by file name."""
    found = [b.picture for b in document.blocks if isinstance(b, Graph)]
    return {GRAPH_FILE: found[0].svg().encode()} if found else {}
