"""``python -m symderiv``."""

from .cli.main import main

main()
