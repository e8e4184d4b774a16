"""Many claims at once, as a grader has them: read, checked side by side, answered in one report."""

from .answers import Answer, Answers
from .many_claims import asked_of, check_all, check_asked, judged, verdict_on
from .sheets import Asked, asked_about, is_sheet
