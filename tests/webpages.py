"""What tests read of a web page: its elements in order, checked to be closed."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "hr", "br", "mspace", "rect", "polyline", "polygon"}


class Elements(HTMLParser):
    """Collects elements with their attributes, and the text of each kind; refuses bad nesting."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice: {attrs}"
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.append((self.open[-1], data))


def read(source: str) -> Elements:
    """Return the elements of a page."""
    parser = Elements()
    parser.feed(source)
    parser.close()
    assert not parser.open, f"not closed: {parser.open}"
    return parser


def elements(source: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return the elements of a page in order, with their attributes."""
    return read(source).found
