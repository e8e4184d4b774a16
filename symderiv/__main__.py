"""The command line, run as ``python -m symderiv``."""

from .cli.main import main

main()
