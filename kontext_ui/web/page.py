"""The page: one constant HTML document. It holds no text of users; its scripts fill it from the project's state."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

STYLES = (
    *("tokens", "base", "layout", "overlays", "top", "conversation", "composer", "prompting"),
    *("canvas", "mask", "tree", "gallery", "projects", "palette", "settings"),
)
"""In the order of their layers, then of the parts."""
ENTRY = "app/main.js"
ICON = "icon.svg"
SKELETON = "app/skeleton.js"
"""Written into the head: it asks for the project's state before anything else is loaded."""
PANELS = {
    "top": 'div role="banner"',
    "chat": 'section aria-label="Conversation"',
    "canvas": 'main aria-label="Picture"',
    "tree": 'section aria-label="History"',
}
"""The page's places, each a landmark."""
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'{scripts}; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors {ancestors}"
)


@dataclass(frozen=True)
class Page:
    """The document and the policy that it is sent with."""

    html: str
    script_hash: str
    """Of the one script in the head, as a source of the content security policy."""


def make_page(assets: Path, version: str) -> Page:
    """``version`` is part of every asset's address, so that a new release is never mixed with cached files."""
    base = f"kontext/assets/{version}"
    skeleton = (assets / SKELETON).read_text(encoding="utf-8")
    styles = "\n".join(f'<link rel="stylesheet" href="{base}/styles/{name}.css">' for name in STYLES)
    names = sorted(path.relative_to(assets).as_posix() for path in (assets / "app").rglob("*.js"))
    preloads = "\n".join(f'<link rel="modulepreload" href="{base}/{name}">' for name in names if name != SKELETON)
    panels = "\n".join(
        f'<{landmark} class="kx-panel" id="kx-{name}"></{landmark.split()[0]}>' for name, landmark in PANELS.items()
    )
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kontext_ui</title>
<link rel="icon" type="image/svg+xml" href="{base}/{ICON}">
<script>{skeleton}</script>
{styles}
{preloads}
<script type="module" src="{base}/{ENTRY}"></script>
</head>
<body>
<div id="kx-app">
{panels}
</div>
</body>
</html>
"""
    digest = base64.b64encode(hashlib.sha256(skeleton.encode()).digest()).decode()
    return Page(html, f"'sha256-{digest}'")


def content_security_policy(*, embedded: bool, script_hash: str = "") -> str:
    """Scripts and styles come from our own files alone. ``embedded``: other sites may frame the page (a Space)."""
    ancestors = "'self' https://huggingface.co https://*.hf.space" if embedded else "'self'"
    return CONTENT_SECURITY_POLICY.format(scripts=f" {script_hash}" if script_hash else "", ancestors=ancestors)
