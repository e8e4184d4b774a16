"""``symderiv docs`` shows the pages that explain the program."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files

import click

from ..core.errors import UnknownNameError
from .terminal import say


def topics() -> dict[str, str]:
    """Return the pages by their topics.

    >>> sorted(topics())[:3]
    ['changes', 'checked', 'citing']
    """
    folder = files("symderiv").joinpath("docs")
    found = sorted(p.name for p in folder.iterdir() if p.name.endswith(".md"))
    return {n.removesuffix(".md"): folder.joinpath(n).read_text(encoding="utf-8") for n in found}


@click.command(name="docs", short_help="Show the pages that explain the program.")
@click.argument("topic", required=False)
def command(topic: str | None) -> None:
    """Show a page of the documentation; without a TOPIC, what there is.

    \b
    symderiv docs language
    """
    pages = topics()
    if topic is None:
        wide = max(map(len, pages))
        for name, page in pages.items():
            say(f"{name.ljust(wide)}  {page.partition(chr(10))[0].removeprefix('# ')}")
        return
    if topic not in pages:
        near = get_close_matches(topic, pages, 1)
        there = f"there are: {', '.join(pages)}"
        raise UnknownNameError(
            f"there is no page {topic!r}",
            remedy=f"did you mean {near[0]}?; {there}" if near else there,
        )
    for line in pages[topic].splitlines():
        say(line)
