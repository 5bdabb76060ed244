"""Reading a multipart answer byte for byte.

A picture may hold line ends and text that looks like the start of a boundary: only a whole boundary
line, after CRLF and up to the next CRLF, ends a part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from itertools import pairwise


@dataclass(frozen=True)
class Part:
    """``name`` is the form field's, ``content_type`` in lower case without parameters."""

    name: str
    content_type: str
    data: bytes


def read_multipart(content_type: str, body: bytes) -> list[Part]:
    """The parts in their order; empty when this is no multipart body or it has no closing boundary."""
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    if head.get_content_maintype() != "multipart" or not boundary:
        return []
    mark = re.escape(boundary.encode("latin-1", "replace"))
    lines = list(re.finditer(rb"(?:\A|\r\n)--" + mark + rb"(--)?[ \t]*(?=\r\n|\Z)", body))
    closing = next((number for number, line in enumerate(lines) if line[1]), None)
    if closing is None:
        return []
    return [_part(body[line.end() : following.start()]) for line, following in pairwise(lines[: closing + 1])]


def _part(raw: bytes) -> Part:
    """``raw`` starts with the line end of the boundary line; an empty line ends the part's headers."""
    head, _, data = raw.partition(b"\r\n\r\n")
    fields = Message()
    for line in head.decode("latin-1").split("\r\n"):
        field, colon, value = line.partition(":")
        if colon:
            fields[field.strip()] = value.strip()
    name = fields.get_param("name", header="content-disposition")
    return Part(name if isinstance(name, str) else "", fields.get_content_type(), data)
