"""The basic engine: real edits with no model, no key and no GPU, and eyes for pictures.

This is its door; nothing else in the program imports its inside. Its parts, each knowing only
those before it: ``language`` (words → plan), ``vision`` (what is where), ``operations`` (pixels →
pixels), ``lettering`` (text in pictures). ``families`` lists all operations; ``conversation`` reads messages that
lean on the turns before, for every engine.
"""

from kontext_ui.basic.conversation import Follow, Turn, command, follow
from kontext_ui.basic.engine import Edit, missing, read
from kontext_ui.basic.language.plan import Plan, Step
from kontext_ui.basic.refusal import ENGINE_ID
from kontext_ui.basic.sight import find, look

__all__ = [
    "ENGINE_ID",
    "Edit",
    "Follow",
    "Plan",
    "Step",
    "Turn",
    "command",
    "find",
    "follow",
    "look",
    "missing",
    "read",
]
