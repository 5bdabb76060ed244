"""What a visitor prefers: theme, composer, last project, the day's budget."""

from __future__ import annotations

from typing import Any

from kontext_ui.history.part import Part
from kontext_ui.history.rows import read_json, scalar, write_json


class PreferenceStore(Part):
    """JSON values by owner and key."""

    def get(self, owner: str, key: str, default: Any = None) -> Any:
        """A JSON value, or ``default`` when none is set."""
        with self._connections.reading() as db:
            text = scalar(db, "SELECT value FROM preferences WHERE owner = ? AND key = ?", owner, key)
        return default if text is None else read_json(text, default)

    def set(self, owner: str, key: str, value: Any) -> None:
        """``value`` is anything JSON can hold; ``None`` removes the preference."""
        with self._connections.writing() as db:
            if value is None:
                db.execute("DELETE FROM preferences WHERE owner = ? AND key = ?", (owner, key))
                return
            db.execute(
                """
                INSERT INTO preferences (owner, key, value) VALUES (?, ?, ?)
                ON CONFLICT (owner, key) DO UPDATE SET value = excluded.value
                """,
                (owner, key, write_json(value)),
            )
