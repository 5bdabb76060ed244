"""The page ``/api``: how programs use this server, with its address, drawn from the list of actions."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from pydantic.fields import FieldInfo
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from kontext_ui.api import ACTIONS, Action
from kontext_ui.api.caller import ROOT
from kontext_ui.editor import Editor
from kontext_ui.web.api_examples import EXAMPLES, KEY
from kontext_ui.web.api_guide import guide
from kontext_ui.web.http import address_of
from kontext_ui.web.identity import API_PAGE, GUIDE, OWNER_KEY

STYLES = ("tokens", "base", "api")
CODE = re.compile(r"`([^`]+)`")
THEMES = ("light", "dark")
RULES = (
    (
        "Nothing is lost",
        "An edit goes on when a call ends early or the connection drops: <code>wait</code> gives its result.",
    ),
    (
        "Nothing is paid twice",
        "Repeat a call with the same <code>request_id</code> and you get the edit of the first time.",
    ),
    (
        "Nothing costs more than you say",
        "What is not free needs <code>max_price_usd</code>, or a key with a budget. Tier <code>local</code> is free.",
    ),
    (
        "Nothing goes wrong in silence",
        "Every refusal says what happened, what to do next, and whether it was billed.",
    ),
)
PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kontext_ui for programs</title>
{styles}
<script type="module" src="{base}/api/page.js"></script>
</head>
<body class="kx-api">
<header>
<a class="kx-api-back" href="./">← The editor</a>
<h1>For scripts and agents</h1>
<p>Everything that the editor does, for programs. Its edits land in your projects and count against your budgets.</p>
</header>
<main>
<section>
<h2>1. Make a key</h2>
<p>In <a href="./">the editor</a> under Settings, Access keys. Put it in here to have it in the examples; it stays in
this page.</p>
<input id="kx-api-key" aria-label="Your access key" placeholder="{key}" autocomplete="off" spellcheck="false">
</section>
<section>
<h2>2. Copy one of these</h2>
{examples}
</section>
<section>
<h2>What you can count on</h2>
<ul class="kx-api-rules">
{rules}
</ul>
</section>
<section>
<h2>Actions</h2>
<p>The same in Python (<code>api_name="/edit"</code>), over HTTP (<code>{root}/edit</code>) and as an agent's tools.
For generated clients there is <a href="{inner}/openapi.json">an OpenAPI document</a>, for agents that
read before they call <a href="agents.md">a text</a>.</p>
{actions}
</section>
</main>
</body>
</html>
"""


class ApiPage:
    """The page for one server. ``version`` is that of the assets."""

    def __init__(self, editor: Editor, version: str, public_url: str = "") -> None:
        self._editor = editor
        self._base = f"kontext/assets/{version}"
        self._public_url = public_url

    def routes(self) -> list[Route]:
        return [Route(API_PAGE, self.page), Route(GUIDE, self.guide)]

    async def page(self, request: Request) -> Response:
        """The same for everybody but for the colours, which are those that the visitor chose in the editor."""
        owner = request.scope.get(OWNER_KEY)
        theme = await self._editor.preferences.get(owner, "theme") if isinstance(owner, str) else None
        html = self._html(address_of(request, self._public_url), theme if theme in THEMES else "system")
        return HTMLResponse(html, headers={"cache-control": "no-store"})

    async def guide(self, request: Request) -> Response:
        """The same for everybody."""
        text = guide(address_of(request, self._public_url))
        return Response(text, media_type="text/markdown", headers={"cache-control": "no-store"})

    def _html(self, address: str, theme: object) -> str:
        styles = "\n".join(f'<link rel="stylesheet" href="{self._base}/styles/{name}.css">' for name in STYLES)
        examples = "\n".join(_example(name, address) for name in EXAMPLES)
        rules = "\n".join(f"<li><b>{title}.</b> {text}</li>" for title, text in RULES)
        actions = "\n".join(_action(name, action) for name, action in ACTIONS.items())
        return PAGE.format(
            theme=theme,
            base=self._base,
            styles=styles,
            key=KEY,
            examples=examples,
            rules=rules,
            root=ROOT,
            inner=ROOT.removeprefix("/"),
            actions=actions,
        )


def _example(name: str, address: str) -> str:
    example = EXAMPLES[name]
    copies = f'data-copies="kx-{name}" aria-label="Copy the lines for {escape(example.title)}"'
    return f"""<article class="kx-api-example">
<div class="kx-api-head"><div><h3>{escape(example.title)}</h3><p>{escape(example.about)}</p></div>
<button type="button" class="kx-button" {copies}>Copy</button>
</div>
<pre id="kx-{name}" tabindex="0"><code>{escape(example.at(address))}</code></pre>
</article>"""


def _action(name: str, action: Action[Any]) -> str:
    arguments = "\n".join(_argument(field, info) for field, info in action.message.model_fields.items())
    method = "GET" if action.reads else "POST"
    return f"""<details>
<summary><code>{name}</code> <span class="kx-api-method">{method}</span> <span>{_text(action.about)}</span></summary>
<dl>{arguments or "<dt>Nothing to say</dt>"}</dl>
</details>"""


def _argument(name: str, info: FieldInfo) -> str:
    needed = " <em>needed</em>" if info.is_required() else ""
    return f"<dt><code>{name}</code>{needed}</dt><dd>{_text(info.description or '')}</dd>"


def _text(text: str) -> str:
    """With what stands between backticks as code."""
    return CODE.sub(r"<code>\1</code>", escape(" ".join(text.split())))
