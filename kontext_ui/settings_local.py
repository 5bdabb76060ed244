"""The settings of the local tier: image servers, and the model on this machine.

Fields only: :mod:`kontext_ui.settings` makes them part of its one object and reads the environment.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings


def _http_addresses(text: str) -> str:
    """Checked here so that a typo is reported at startup, not with the first edit."""
    for part in filter(None, map(str.strip, text.split(","))):
        address = urlsplit(part)
        if address.scheme not in ("http", "https") or not address.hostname or address.query:
            raise ValueError("addresses such as http://gpu1:8000, separated by commas")
        if "@" in address.netloc:
            raise ValueError("addresses without a password; put a key into IMAGE_SERVER_KEY")
    return text


class LocalSettings(BaseSettings):
    """Each description is also a row of the documented table."""

    image_server_urls: Annotated[str, AfterValidator(_http_addresses)] = Field(
        default="",
        description="Your own image servers for the local tier, separated by commas: http://gpu1:8000, http://gpu2:8000.",
    )
    image_server_dialect: Literal["auto", "kontext", "vllm-omni", "sglang", "sd-server", "mlx", "openai"] = Field(
        default="auto",
        description="API that they speak; auto detects it for each one. kontext is `serve-engine`.",
    )
    image_server_key: SecretStr | None = Field(
        default=None, description="Key that is sent to image servers, and that `serve-engine` requires."
    )
    image_server_model: str = Field(
        default="",
        description="Model to request where a server needs a name, which also tells what it wants (klein, kontext); "
        "empty: the first that it lists.",
    )
    image_server_steps: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Steps requested from image servers when an edit names none; empty: as many as their model wants.",
    )
    image_server_megapixels: float = Field(
        default=1.0, gt=0, le=2, description="Picture size requested from image servers; the model was trained at 1."
    )
    image_server_edits: int = Field(
        default=2,
        ge=1,
        le=100,
        description="Edits sent to one address at once; for a load balancer, 2 per GPU behind it.",
    )
    image_server_timeout_s: float = Field(
        default=600, gt=0, description="How long to wait for an image server's edit, in seconds."
    )
    diffusers_model: str = Field(
        default="",
        description="Weights of the local model: a name on the Hugging Face hub, or a folder in the same layout, of "
        "FLUX.1 Kontext [dev] or FLUX.2 [klein]. Empty: black-forest-labs/FLUX.1-Kontext-dev, and where others are "
        "served black-forest-labs/FLUX.2-klein-4B, which may be.",
    )
    diffusers_licensed: bool = Field(
        default=False,
        description="You hold a licence to draw for others with weights that may otherwise only be used by yourself: "
        "FLUX.1 Kontext [dev], FLUX.2 [klein] 9B.",
    )
    diffusers_revision: str = Field(default="", description="Commit or tag of the weights on the hub.")
    diffusers_download: bool = Field(
        default=False,
        description="Download the weights (16 to 35 GB) when they are first needed; otherwise use `doctor --download`.",
    )
    diffusers_device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = Field(
        default="auto", description="Where the local model runs: auto, cuda, cuda:1, mps or cpu."
    )
    diffusers_precision: Literal["auto", "bf16", "fp16", "fp32", "fp8", "nf4"] = Field(
        default="auto", description="Precision of the local model; auto picks the best that fits into memory."
    )
    diffusers_offload: Literal["auto", "none", "model", "group"] = Field(
        default="auto",
        description="Which parts wait in main memory: none, model (those not in use), group (all but one layer).",
    )
    diffusers_megapixels: float = Field(
        default=1.0, gt=0, le=2, description="Picture size of the local model; it was trained at 1."
    )
    diffusers_steps: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Steps of the local model when an edit names none; empty: as many as it was made for "
        "(28 for FLUX.1 Kontext, 4 for FLUX.2 [klein]).",
    )
    diffusers_lora: str = Field(
        default="",
        description="LoRA for the local model, such as a few-step one: file, folder, or owner/name/file on the hub.",
    )
    diffusers_lora_weight: float = Field(default=1.0, ge=-10, le=10, description="Strength of that LoRA.")
    diffusers_gguf: str = Field(
        default="",
        description="The transformer's weights as GGUF, given in the same way; the file decides the precision.",
    )
    diffusers_attention: str = Field(
        default="", description="Attention of the local model, by its name in diffusers: flash, sage. Not measured yet."
    )
    diffusers_cache: Literal["off", "first-block"] = Field(
        default="off",
        description="Step cache of the local model: first-block skips most of a step that would change little. "
        "Costs detail. Not measured yet.",
    )
    diffusers_compile: bool = Field(
        default=False, description="Compile the local model's blocks during the first edits. Not measured yet."
    )
    diffusers_waiting: int = Field(
        default=32, ge=1, le=1000, description="Edits that may wait for the local model; further ones are refused."
    )
    diffusers_idle_minutes: float = Field(
        default=0, ge=0, description="Release the GPU's memory after this many minutes without an edit; 0 keeps it."
    )
