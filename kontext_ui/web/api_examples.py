"""The first lines of a program for each way of calling: on the page ``/api``, in the documents, and in the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

USUAL_ADDRESS = "http://127.0.0.1:7860"
KEY = "kx_..."
"""What stands for the access key."""

PYTHON = """\
from gradio_client import Client, handle_file

client = Client("ADDRESS", headers={"X-Kontext-Key": "KEY"})
photo = client.predict(image=handle_file("photo.jpg"), api_name="/open_picture")
edit = client.predict(project=photo["project"], instruction="make it a bit brighter", api_name="/edit")
print(edit["state"], edit["version"]["description"])
client.predict(project=photo["project"], version=photo["version"]["id"], api_name="/go_to")  # to branch there
client.predict(project=photo["project"], instruction="add a vignette", api_name="/edit")
path, facts = client.predict(project=photo["project"], size="full", api_name="/picture")
print(path)
"""
CURL = """\
KEY="X-Kontext-Key: KEY"
API=ADDRESS/kontext/api/v1
PROJECT=$(curl -sS -H "$KEY" -F image=@photo.jpg $API/open_picture | cut -d '"' -f 4)
curl -sS -H "$KEY" -F project=$PROJECT -F instruction="make it a bit brighter" $API/edit
curl -sS -H "$KEY" -o brighter.png "$API/picture?project=$PROJECT&size=full"
"""
AGENT = """\
{
  "mcpServers": {
    "kontext": {
      "type": "http",
      "url": "ADDRESS/mcp",
      "headers": { "X-Kontext-Key": "KEY" }
    }
  }
}
"""


@dataclass(frozen=True)
class Example:
    title: str
    language: str
    about: str
    text: str

    def at(self, address: str, key: str = KEY) -> str:
        return self.text.replace("ADDRESS", address).replace('"KEY"', f'"{key}"').replace(": KEY", f": {key}")


EXAMPLES: Mapping[str, Example] = {
    "python": Example("Python", "python", "With Gradio's client: pip install gradio_client", PYTHON),
    "curl": Example("curl", "sh", "Plain HTTP, for every language", CURL),
    "agent": Example("Agents", "json", "For whatever speaks the Model Context Protocol (MCP)", AGENT),
}
