"""The page as a Gradio app: four panels, each a ``gr.HTML`` whose script builds it.

Panels hold no text of users: their templates are empty and constant, and the scripts in ``assets/js``
fill them from the project's state. What a visitor does goes to our own routes (``routes.py``): they
answer in a quarter of the time of a Gradio event, hold no place in its queue, and survive a restart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.applications import Starlette

from kontext_ui.editor import Editor
from kontext_ui.settings import Settings, on_space
from kontext_ui.web.identity import Identity, load_secret
from kontext_ui.web.routes import Pages

ASSETS = Path(__file__).resolve().parents[2] / "assets"
STYLES = ("base", "chat", "canvas", "tree", "prompting")
SKELETON = ASSETS / "js" / "skeleton.js"
"""Written into the page's head, unlike the other scripts."""


@dataclass(frozen=True)
class Panels:
    """The page's components."""

    top: gr.HTML
    chat: gr.HTML
    canvas: gr.HTML
    tree: gr.HTML


def build_app(editor: Editor, settings: Settings) -> gr.Blocks:
    blocks = gr.Blocks(title="kontext_ui", analytics_enabled=False, fill_width=True)
    with blocks:
        version = Pages(editor, ASSETS, 0).version
        with gr.Row(elem_id="kx-app"):
            panel = partial(_panel, version)
            Panels(panel("top"), panel("chat"), panel("canvas"), panel("tree"))
    return blocks


def _panel(version: str, name: str) -> gr.HTML:
    script = f"""
        const root = element.querySelector(".kx-panel");
        if (root && !root.dataset.mounted) {{
            root.dataset.mounted = "yes";
            const address = new URL("kontext/assets/{version}/js/{name}.js", document.baseURI);
            import(address).then((panel) => panel.mount(root));
        }}
    """
    return gr.HTML(
        value="",
        html_template=f'<div class="kx-panel kx-{name}" id="kx-{name}"></div>',
        js_on_load=script,
        apply_default_css=False,
        elem_id=f"kx-{name}-panel",
    )


def launch_options(editor: Editor, settings: Settings) -> dict[str, Any]:
    """Keyword arguments for ``Blocks.launch``: our routes, who visitors are, and Gradio's extras switched off."""
    pages = Pages(editor, ASSETS, int(settings.max_upload_mb * 1_000_000))
    secret = load_secret(settings.data_dir)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # Gradio puts its CORS layer, which trusts every origin, outside of all middleware that it is given.
        # Ours has to stand before it. Should this ever stop working, nobody has an identity: it fails closed.
        assert app.middleware_stack is not None
        app.middleware_stack = Identity(app.middleware_stack, secret=secret, embedded=on_space())
        await editor.start()
        try:
            yield
        finally:
            await editor.aclose()

    return {
        "app_kwargs": {
            "routes": pages.routes(),
            "lifespan": lifespan,
            "docs_url": None,
            "redoc_url": None,
            "openapi_url": None,
        },
        "head": _head(pages.version),
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "show_error": False,
        "max_file_size": "1kb",
        "state_session_capacity": 1000,
        "theme": gr.themes.Base(font="system-ui", font_mono="ui-monospace"),
    }


def _head(version: str) -> str:
    """Styles and scripts early, the project's state asked for at once, and the frame before anything runs."""
    base = f"kontext/assets/{version}"
    styles = "".join(f'<link rel="stylesheet" href="{base}/css/{name}.css">' for name in STYLES)
    names = sorted(path.name for path in (ASSETS / "js").glob("*.js") if path != SKELETON)
    scripts = "".join(f'<link rel="modulepreload" href="{base}/js/{name}">' for name in names)
    return f"{styles}{scripts}<script>{SKELETON.read_text(encoding='utf-8')}</script>"
