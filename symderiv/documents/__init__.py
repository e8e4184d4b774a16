"""Documents: a derivation arranged for reading, in Markdown, LaTeX, HTML, Typst and PDF."""
