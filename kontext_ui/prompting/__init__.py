"""Help with writing instructions: what suits a picture, what an instruction lacks, and how to build one.

Pure functions on text and on what was seen in a picture; nothing here reads files, networks or pixels.
"""

from kontext_ui.prompting.lint import Hint, LintContext, lint
from kontext_ui.prompting.seen import Look, Place, Thing
from kontext_ui.prompting.sentence import ACTIONS, Action, Sentence, compose, with_clauses
from kontext_ui.prompting.suggest import Suggestion, for_model, for_reader

__all__ = [
    "ACTIONS",
    "Action",
    "Hint",
    "LintContext",
    "Look",
    "Place",
    "Sentence",
    "Suggestion",
    "Thing",
    "compose",
    "for_model",
    "for_reader",
    "lint",
    "with_clauses",
]
