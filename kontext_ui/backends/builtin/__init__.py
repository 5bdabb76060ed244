"""The offline engine: instruction → plan → operations on real pixels."""

from __future__ import annotations

from kontext_ui.backends.builtin.engine import BuiltinBackend
from kontext_ui.settings import Settings


def build(settings: Settings) -> BuiltinBackend:
    return BuiltinBackend()
