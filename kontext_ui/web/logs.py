"""The log: as lines for people, or as one JSON object a line for programs that collect them."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime
from typing import Literal

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
REQUESTS = "kontext_ui.requests"
"""The logger of what the page asks for; written only as JSON, where it can be filtered."""


class JsonFormatter(logging.Formatter):
    """Time (UTC), level, logger and message, and what a line says in its ``fields``."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def begin(level: str, form: Literal["text", "json"]) -> None:
    """Set the log up; once, at the start."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=level, handlers=[handler])
    for name in ("httpx", "mcp"):  # addresses and ids of sessions are nobody's business
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    if form != "json":
        logging.getLogger(REQUESTS).setLevel(logging.WARNING)


def tag(id: str) -> str:
    """By which lines about one thing are found together; the thing itself cannot be found by it."""
    return hashlib.sha256(id.encode()).hexdigest()[:10]
