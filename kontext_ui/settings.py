"""The one frozen object of settings; the only module that reads the environment.

Precedence: environment, then ``.env`` in the working folder, then the default. Names carry the
prefix ``KONTEXT_UI_`` unless a field says otherwise (customary names such as ``PORT``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kontext_ui.errors import InvalidSetting

PREFIX = "KONTEXT_UI_"
SPACE_STORAGE = Path("/data")
"""Where a Hugging Face Space mounts its persistent storage, when it has any."""


def on_space() -> bool:
    """Whether this process runs on a Hugging Face Space."""
    return "SPACE_ID" in os.environ


def default_data_dir() -> Path:
    if on_space() and os.access(SPACE_STORAGE, os.W_OK):
        return SPACE_STORAGE / "kontext_ui"
    return user_data_path("kontext_ui", appauthor=False)


class Settings(BaseSettings):
    """Everything that can be configured. Each description is also the README's table row."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Where projects and pictures are kept. On a Space: its persistent storage.",
    )
    host: str = Field(
        default="127.0.0.1",
        validation_alias=AliasChoices(f"{PREFIX}HOST", "GRADIO_SERVER_NAME"),
        description="Address to listen on.",
    )
    port: int = Field(
        default=7860,
        ge=0,
        le=65535,
        validation_alias=AliasChoices(f"{PREFIX}PORT", "PORT", "GRADIO_SERVER_PORT"),
        description="Port to listen on; 0 takes a free one.",
    )
    max_upload_mb: float = Field(default=40, gt=0, description="Largest picture file taken, in megabytes.")
    max_megapixels: float = Field(default=50, gt=0, description="Largest picture taken, in megapixels.")
    pro_backends: str = Field(
        default="", description="Backends of the tier pro in order of preference, with commas; empty: cheapest first."
    )
    max_backends: str = Field(default="", description="The same for the tier max.")
    dev_backends: str = Field(default="", description="The same for the tier dev.")
    local_backends: str = Field(default="", description="The same for the tier local; empty: best first.")
    fallback: bool = Field(
        default=True,
        description="Go on with the next backend of the same tier when one fails in a way that surely cost nothing.",
    )
    project_budget_usd: float | None = Field(
        default=None, ge=0, description="Spending limit of a project in US dollars; each project can change its own."
    )
    day_budget_usd: float | None = Field(
        default=None, ge=0, description="Spending limit of one visitor per day (UTC) in US dollars."
    )
    log_level: str = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="How much is logged."
    )


def load_settings(**overrides: Any) -> Settings:
    """Read the settings. Raises :class:`InvalidSetting` naming key, value and what was expected."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise InvalidSetting(
            "\n".join(_sentence(item["loc"], item.get("input"), item["msg"]) for item in error.errors()),
            hint="Correct it in the environment or in .env and start again.",
        ) from None


def _sentence(location: tuple[int | str, ...], value: object, expected: str) -> str:
    name = str(location[0]) if location else "settings"
    key = name if name.isupper() else f"{PREFIX}{name.upper()}"
    field = Settings.model_fields.get(name.removeprefix(PREFIX).lower())
    shown = "(hidden)" if field is not None and "Secret" in str(field.annotation) else repr(value)
    return f"{key} is {shown}: {expected[0].lower()}{expected[1:]}."
