"""What stops a step on one picture."""

from __future__ import annotations


class ImpossibleError(Exception):
    """The step is understood, but not possible on this picture; the text is a sentence."""

    def __init__(self, sentence: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.suggestions = suggestions
