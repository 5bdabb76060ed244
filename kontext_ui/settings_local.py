"""The settings of the tier local: image servers, and the model on this machine.

Fields only: :mod:`kontext_ui.settings` makes them part of its one object and reads the environment.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings


def _http_addresses(text: str) -> str:
    """Checked here so that a slip of the pen is told at the start, not with the first edit."""
    for part in filter(None, map(str.strip, text.split(","))):
        address = urlsplit(part)
        if address.scheme not in ("http", "https") or not address.hostname or address.query:
            raise ValueError("addresses such as http://gpu1:8000, with commas between them")
        if "@" in address.netloc:
            raise ValueError("addresses without a password; IMAGE_SERVER_KEY is the place for a key")
    return text


class LocalSettings(BaseSettings):
    """Each description is also the README's table row."""

    image_server_urls: Annotated[str, AfterValidator(_http_addresses)] = Field(
        default="",
        description="Image servers of your own for the tier local, with commas: http://gpu1:8000, http://gpu2:8000.",
    )
    image_server_dialect: Literal["auto", "kontext", "vllm-omni", "sglang", "sd-server", "mlx", "openai"] = Field(
        default="auto",
        description="How they want to be spoken to; auto asks each one what it is. kontext is `serve-engine`.",
    )
    image_server_key: SecretStr | None = Field(
        default=None, description="Key that is sent to image servers, and that `serve-engine` asks for."
    )
    image_server_model: str = Field(
        default="", description="Model to ask for, where a server wants one named; empty: the first that it lists."
    )
    image_server_steps: int = Field(
        default=28, ge=1, le=100, description="Steps asked of image servers when a request names none."
    )
    image_server_megapixels: float = Field(
        default=1.0, gt=0, le=2, description="Size asked of image servers; the model was trained at 1."
    )
    image_server_edits: int = Field(
        default=2,
        ge=1,
        le=100,
        description="Edits sent to one address at once; for a load balancer, 2 per GPU behind it.",
    )
    image_server_timeout_s: float = Field(
        default=600, gt=0, description="How long one edit of an image server is waited for, in seconds."
    )
    diffusers_model: str = Field(
        default="black-forest-labs/FLUX.1-Kontext-dev",
        description="Weights of the local model: a name on the Hugging Face hub, or a folder in the same layout.",
    )
    diffusers_revision: str = Field(default="", description="Commit or tag of the weights on the hub.")
    diffusers_download: bool = Field(
        default=False,
        description="Fetch the weights (34 GB) when they are first needed; else `doctor --download` does.",
    )
    diffusers_device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = Field(
        default="auto", description="Where the local model runs: auto, cuda, cuda:1, mps or cpu."
    )
    diffusers_precision: Literal["auto", "bf16", "fp16", "fp32", "fp8", "nf4"] = Field(
        default="auto", description="Precision of the local model; auto takes the best that fits into memory."
    )
    diffusers_offload: Literal["auto", "none", "model", "group"] = Field(
        default="auto",
        description="Which parts wait in main memory: none, model (the parts that rest), group (all but one layer).",
    )
    diffusers_megapixels: float = Field(
        default=1.0, gt=0, le=2, description="Size the local model draws at; it was trained at 1."
    )
    diffusers_steps: int = Field(
        default=28, ge=1, le=100, description="Steps of the local model when none are asked for."
    )
    diffusers_lora: str = Field(
        default="",
        description="LoRA on the local model, such as one for few steps: file, folder, or owner/name/file on the hub.",
    )
    diffusers_lora_weight: float = Field(default=1.0, ge=-10, le=10, description="How strongly that LoRA counts.")
    diffusers_gguf: str = Field(
        default="",
        description="The transformer's weights in GGUF, named in the same way; they decide the precision.",
    )
    diffusers_attention: str = Field(
        default="", description="Attention of the local model by its name in diffusers: flash, sage. Not measured here."
    )
    diffusers_cache: Literal["off", "first-block"] = Field(
        default="off",
        description="Step cache of the local model: first-block leaves out most of a step that would change little. "
        "Costs detail. Not measured here.",
    )
    diffusers_compile: bool = Field(
        default=False, description="Compile the local model's blocks with the first edits. Not measured here."
    )
    diffusers_waiting: int = Field(
        default=32, ge=1, le=1000, description="Edits that may wait for the local model; more are sent away."
    )
    diffusers_idle_minutes: float = Field(
        default=0, ge=0, description="Give the GPU's memory back after so many minutes without an edit; 0 keeps it."
    )
