"""Written mathematics: a small tree of notation, and its printers (LaTeX, Typst, Unicode, words)."""
