"""``symderiv``: commands are loaded when they are called, so that ``--help`` answers at once."""

from __future__ import annotations

import importlib
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..core.errors import SymderivError
from .terminal import interrupts_kept, say

# Anything but a minus in front of what no option looks like.
_OPTION = re.compile(r"(?!-).*|--?|--?[A-Za-z][\w-]*(=.*)?|-o.*", re.DOTALL)

# name: (module, one line of help)
_COMMANDS = {
    "derive": (".derive", "Derive gradients; print them, or write documents and code with -o."),
    "check": (".check", "Say whether a claimed gradient is right, and if not, what went wrong."),
    "equal": (
        ".equal",
        "Say whether two expressions are equal, at random points of several sizes.",
    ),
    "verify": (".verify", "Run the certificate of a folder again."),
    "serve": (".serve", "Open a page to type in, in the browser."),
    "page": (".page_file", "Write the page to type in as one file."),
    "bench": ("..bench.bench_command", "Measure how long deriving takes, against SymPy and JAX."),
    "list": (".list_problems", "List the ready-made problems."),
    "docs": (".docs", "Show the pages that explain the program."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[name][0], __package__)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(n, text) for n, (_, text) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], _COMMANDS, 1)
            meant = f" did you mean {near[0]}?" if near else ""
            known = ", ".join(_COMMANDS)
            raise click.UsageError(f"no command {args[0]!r};{meant} there are: {known}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        begun = [(n, text) for n, (_, text) in _COMMANDS.items() if n.startswith(incomplete)]
        return [
            *(CompletionItem(n, help=text) for n, text in begun),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="symderiv")
def cli() -> None:
    """Derivations of matrix calculus that people can read, trust and run.

    \b
    symderiv derive linear-layer --wrt W
    symderiv derive "x.T @ A @ x" --wrt x -o quadratic
    symderiv check "L(X @ W)" --wrt W --claim "G.T @ X"

    Exit code 0: done (a claim is right); 1: a claim is wrong, a check failed; 2: input that could
    not be read. How the shell completes names and options: symderiv docs commands.
    """


def _guarded(argument: str) -> str:
    """Return an argument; an expression such as ``-sum(X)`` must not be taken for an option."""
    return argument if _OPTION.fullmatch(argument) else f" {argument}"


def main(args: Sequence[str] | None = None) -> Any:
    """Run the command line; errors are printed, never a traceback."""
    given = sys.argv[1:] if args is None else args
    try:
        with interrupts_kept():
            code = cli.main(
                [_guarded(a) for a in given], prog_name="symderiv", standalone_mode=False
            )
        sys.exit(code or 0)
    except SymderivError as error:
        say(f"{click.style('error', fg='red', bold=True)}: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        say(shown.getvalue(), err=True, nl=False)
        sys.exit(2)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:  # the outermost door: what is left is an error of the program
        _report_own(error)
        sys.exit(1)


def _report_own(error: Exception) -> None:
    """Print an error of the program; with SYMDERIV_DEBUG set, the way to it too."""
    if os.environ.get("SYMDERIV_DEBUG"):
        traceback.print_exception(error)
    label = click.style("error", fg="red", bold=True)
    say(f"{label}: {type(error).__name__} in the program: {error}", err=True)
    say("  please report it, with what SYMDERIV_DEBUG=1 prints", err=True)
