"""``/agents.md``: the page ``/api`` for readers who are programs themselves, as Markdown."""

from __future__ import annotations

from typing import Any

from kontext_ui.api import ACTIONS, Action
from kontext_ui.api.caller import ROOT
from kontext_ui.web.api_examples import EXAMPLES


def guide(address: str) -> str:
    """``address`` is this server's, without a slash at the end."""
    curl, agent = EXAMPLES["curl"], EXAMPLES["agent"]
    actions = "\n".join(_action(name, action) for name, action in ACTIONS.items())
    return f"""# kontext_ui

Edit pictures by instruction ("make the door red"). Every result is a new version in a project's tree, and nothing is
ever overwritten.

Every call needs an access key in the header `X-Kontext-Key`. Ask the person you work for to make one at {address}/
under Settings, Access keys; you act for that person then, in their projects and on their budgets.

- Model Context Protocol, streamable HTTP: {address}/mcp
- HTTP: {address}{ROOT}/ACTION, described in {address}{ROOT}/openapi.json
- Gradio's client: an endpoint of the same name for each action

```{curl.language}
{curl.at(address)}```

```{agent.language}
{agent.at(address)}```

## Rules

- `edit` answers when the edit is over or after `wait_s` seconds. It goes on either way: call `wait` with its id.
- Use a `request_id` for each edit and repeat the call with the same one when an answer was lost: it is not paid twice.
- Tier `local` is free. What is not needs `max_price_usd`, unless the key has a budget. `offers` lists prices.
- Errors have `message`, `hint` and `billed`: do what the hint says. An edit that failed says why in `failure`.
- Look at a result with `picture`, and at what changed with `compare`.

## Actions

{actions}
"""


def _action(name: str, action: Action[Any]) -> str:
    arguments = [
        f"  - `{field}`{' (needed)' if info.is_required() else ''}: {' '.join((info.description or '').split())}"
        for field, info in action.message.model_fields.items()
    ]
    return "\n".join([f"- `{name}` ({'GET' if action.reads else 'POST'}): {action.about}", *arguments])
