"""Written mathematics: a tree of notation, and its printers (LaTeX, Typst, Unicode, words)."""
