"""Documents: a derivation arranged for reading, in Markdown, LaTeX, HTML, Typst and PDF."""

from .answer_pages import AnswerEntry, answers_document
from .arrange import COTANGENTS, LEMMAS, PLAIN, STYLES, Manner, build
from .examples import ExplicitExample, Slice, explicit_example
from .graph import graph_of
from .graphprint import GraphPicture
from .graphs import graph_files
from .model import Document
from .render import html, latex, markdown, pdf, pictures, typst
