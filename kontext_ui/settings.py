"""The settings as one frozen object; the only module that reads the environment.

Precedence: environment, then ``.env`` in the working folder, then the default. Names carry the
prefix ``KONTEXT_UI_`` unless a field says otherwise (customary names such as ``PORT``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from kontext_ui.errors import InvalidSetting
from kontext_ui.settings_limits import LimitSettings
from kontext_ui.settings_local import LocalSettings

PREFIX = "KONTEXT_UI_"
SPACE_STORAGE = Path("/data")
"""Where a Hugging Face Space mounts its persistent storage, if it has any."""


def on_space() -> bool:
    """Whether this process runs on a Hugging Face Space."""
    return "SPACE_ID" in os.environ


def through_tunnel() -> bool:
    """Whether Gradio was asked to give this page a public address (a share link)."""
    return os.environ.get("GRADIO_SHARE", "").lower() == "true"


def on_zero_gpu() -> bool:
    """Whether this is a Space with a GPU that is lent for one call at a time (ZeroGPU)."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def serves_others(settings: Settings) -> bool:
    """Whether others than this machine's own user can reach the page."""
    return on_space() or through_tunnel() or bool(settings.public_url) or not is_loopback(settings.host)


def default_data_dir() -> Path:
    if on_space() and os.access(SPACE_STORAGE, os.W_OK):
        return SPACE_STORAGE / "kontext_ui"
    return user_data_path("kontext_ui", appauthor=False)


def default_host() -> str:
    """A Space is reached from outside its container; anywhere else only this machine may connect."""
    return "0.0.0.0" if on_space() else "127.0.0.1"  # noqa: S104


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address that is listened on."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(without_brackets(host)).is_loopback
    except ValueError:
        return False


def without_brackets(host: str) -> str:
    """An address of IPv6 as it is, whether it was written as in a URL or not."""
    return host.removeprefix("[").removesuffix("]")


def default_proxies() -> str:
    """What connects to a Space is Hugging Face's proxy, whose address is not told."""
    return "private" if on_space() else "127.0.0.1, ::1"


def split_list(text: str) -> tuple[str, ...]:
    """The parts between commas, without empty ones."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def check_networks(text: str) -> str:
    """Raises ``ValueError`` unless the text lists addresses, networks and the word ``private``."""
    for part in split_list(text):
        if part.lower() != "private":
            try:
                ip_network(part)
            except ValueError:
                raise ValueError("addresses or networks separated by commas, such as 10.0.0.0/8") from None
    return text


def check_https(text: str) -> str:
    """Raises ``ValueError`` for anything but an https address without a query."""
    parts = urlsplit(text)
    if text and (parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment):
        raise ValueError("an address that begins with https://")
    return text


def check_pairs(text: str) -> str:
    """Raises ``ValueError`` unless the text reads ``old=new, old=new`` or is empty."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        old, _, new = part.partition("=")
        if not old.strip() or not new.strip() or "=" in new:
            raise ValueError("old=new pairs separated by commas")
    return text


class GeneralSettings(BaseSettings):
    """The page, its limits and the hosted backends."""

    data_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=default_data_dir,
        description="Where projects and pictures are kept. On a Space: what is mounted at /data.",
    )
    storage: Literal["auto", "disk", "bucket"] = Field(
        default="auto",
        description="How the data folder is used: on a disk, or on a mount without locks such as a bucket, where the "
        "database lies on the local disk and each change is a small file in the folder. auto looks at the mount "
        "(fuse, 9p, nfs, cifs).",
    )
    cookie_secret: SecretStr | None = Field(
        default=None,
        description="What visitors' cookies are signed with. Without it a secret is made and kept in the data folder; "
        "where that does not last, set one, or every visitor is a stranger after each restart.",
    )
    host: Annotated[str, AfterValidator(without_brackets)] = Field(
        default_factory=default_host,
        validation_alias=AliasChoices(f"{PREFIX}HOST", "GRADIO_SERVER_NAME"),
        description="Address to listen on: by default 127.0.0.1, on a Space 0.0.0.0.",
    )
    port: int = Field(
        default=7860,
        ge=0,
        le=65535,
        validation_alias=AliasChoices(f"{PREFIX}PORT", "PORT", "GRADIO_SERVER_PORT"),
        description="Port to listen on; 0 picks a free one.",
    )
    max_upload_mb: float = Field(default=40, gt=0, description="Largest picture file accepted, in megabytes.")
    max_megapixels: float = Field(default=50, gt=0, description="Largest picture accepted, in megapixels.")
    keep_deleted_days: float = Field(
        default=30, ge=0, description="Days that a deleted project stays in the bin; 0 keeps it forever."
    )
    expire_days: float = Field(
        default=0,
        ge=0,
        description="Days after which a project that nobody changed goes to the bin, which the page says; 0 never.",
    )
    pro_backends: str = Field(
        default="",
        description="Backends of the pro tier in order of preference, separated by commas; empty: cheapest first.",
    )
    max_backends: str = Field(default="", description="The same for the max tier.")
    dev_backends: str = Field(default="", description="The same for the dev tier.")
    local_backends: str = Field(default="", description="The same for the local tier; empty: best first.")
    public_url: Annotated[str, AfterValidator(check_https)] = Field(
        default="",
        validation_alias=AliasChoices("PUBLIC_URL", f"{PREFIX}PUBLIC_URL"),
        description="Address of this program on the internet, with https. When it is set, providers that support it "
        "are asked to call back when an edit ends; otherwise they are only polled. Calls by fal need "
        "`pip install cryptography`.",
    )
    allowed_hosts: str = Field(
        default="",
        description="Further names that this server answers to, separated by commas; .studio.example means all below "
        "it, * any. Requests to other names get 421.",
    )
    trusted_proxies: Annotated[str, AfterValidator(check_networks)] = Field(
        default_factory=default_proxies,
        description="Addresses or networks of proxies whose X-Forwarded headers are believed, separated by commas; "
        "private means all that are not on the internet. By default this machine's own, on a Space private.",
    )
    successors: Annotated[str, AfterValidator(check_pairs)] = Field(
        default="",
        description="Models to use in place of the built-in ones, such as their successors: the provider's name for "
        "the old one, an equals sign, its name for the new one; several are separated by commas.",
    )
    fallback: bool = Field(
        default=True,
        description="Try the next backend of the same tier when one fails in a way that certainly cost nothing.",
    )
    project_budget_usd: float | None = Field(
        default=None, ge=0, description="Spending limit of a project in US dollars; each project can set its own."
    )
    day_budget_usd: float | None = Field(
        default=None,
        ge=0,
        description="Spending limit of one visitor per day (UTC) in US dollars. Visitors can change theirs: it "
        "protects them; KONTEXT_UI_LIMIT_USD_PER_DAY protects your credit.",
    )
    content_filter: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Nudity filter before and after the models on your own machines, which have none: auto filters "
        "when others are served (on a Space, with a public address, or listening beyond this machine).",
    )
    show_credit: bool = Field(
        default_factory=lambda: not on_space(),
        description="Show visitors the credit left on the accounts of this program's own keys; off on a Space.",
    )
    bfl_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("BFL_API_KEY", f"{PREFIX}BFL_API_KEY"),
        description="Key for Black Forest Labs: the pro and max tiers, and FLUX.2 [klein] in the dev tier.",
    )
    bfl_base_url: str = Field(
        default="https://api.bfl.ai",
        description="Address of Black Forest Labs; api.eu.bfl.ai and api.us.bfl.ai are regional.",
    )
    replicate_api_token: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("REPLICATE_API_TOKEN", f"{PREFIX}REPLICATE_API_TOKEN"),
        description="Token for Replicate: the pro, max and dev tiers.",
    )
    replicate_base_url: str = Field(default="https://api.replicate.com/v1", description="Address of Replicate.")
    fal_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("FAL_KEY", f"{PREFIX}FAL_KEY"),
        description="Key for fal: the pro, max and dev tiers.",
    )
    fal_base_url: str = Field(default="https://queue.fal.run", description="Address of fal's queue.")
    hf_token: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("HF_TOKEN", f"{PREFIX}HF_TOKEN"),
        description="Token for Hugging Face: the dev tier, and for fetching weights whose licence you accepted there.",
    )
    huggingface_base_url: str = Field(
        default="https://router.huggingface.co", description="Address of Hugging Face's router."
    )
    huggingface_partner: Literal["fal-ai", "replicate", "together", "hf-inference"] = Field(
        default="fal-ai",
        description="Who runs edits sent to Hugging Face; only with fal-ai can an interrupted edit be picked up again.",
    )
    huggingface_bill_to: str = Field(default="", description="Hugging Face organisation that pays; empty: you.")
    prodia_token: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("PRODIA_TOKEN", f"{PREFIX}PRODIA_TOKEN"),
        description="Token for Prodia: the pro, max and dev tiers.",
    )
    prodia_base_url: str = Field(default="https://inference.prodia.com/v2", description="Address of Prodia.")
    deadline_s: float = Field(
        default=180,
        gt=0,
        description="How long to wait for a hosted edit, in seconds; after that you can ask the provider for it again.",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)] = Field(
        default="INFO", description="How much is logged."
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="How it is logged: lines for people, or a JSON object a line, which then also says what the page "
        "asks for. No text of visitors is in either.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="What Prometheus sends as bearer token to /metrics; without it there are no metrics.",
    )


class Settings(LocalSettings, LimitSettings, GeneralSettings):
    """Everything that can be configured. Each description is also a row of the documented table."""

    public_limits: bool = Field(
        default_factory=on_space, description=str(LimitSettings.model_fields["public_limits"].description)
    )

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )


def successors(settings: Settings) -> dict[str, str]:
    """Old model name → new one, from the setting of that name."""
    parts = (part.partition("=") for part in settings.successors.split(",") if part.strip())
    return {old.strip(): new.strip() for old, _, new in parts}


def silence_telemetry() -> None:
    """Stop Gradio and the Hugging Face client from reporting usage; call it before they are imported."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def believe_no_forwarded_address() -> None:
    """Keep uvicorn from believing ``X-Forwarded-For``: whom to trust in that is a setting of ours."""
    os.environ["FORWARDED_ALLOW_IPS"] = ""


def variables_of(name: str) -> tuple[str, ...]:
    """The environment variables that set a field, the one with precedence first."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(choice) for choice in alias.choices)
    return (alias if isinstance(alias, str) else f"{PREFIX}{name.upper()}",)


def is_secret(name: str) -> bool:
    """Whether a field's value must never be shown."""
    return "Secret" in str(Settings.model_fields[name].annotation)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings. Raises :class:`InvalidSetting` naming the variable, its value and what was expected."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        sentences = [_sentence(item, overrides) for item in error.errors()]
    except SettingsError as error:
        name = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "")
        sentences = [f"{_origin(name, overrides) if name else 'A setting'} cannot be read; expected JSON."]
    except (OSError, UnicodeDecodeError) as error:
        sentences = [f"The file .env cannot be read: {error}."]
    raise InvalidSetting("\n".join(sentences), hint="Correct it and start again.")


def _sentence(item: ErrorDetails, overrides: Mapping[str, Any]) -> str:
    first, *inside = item["loc"] or ("",)
    name = next((name for name in Settings.model_fields if first == name or first in variables_of(name)), None)
    if name is None:
        return f"The settings do not fit together: {item['msg']}."
    where = f" (at {'.'.join(map(str, inside))})" if inside else ""
    shown = "(hidden)" if is_secret(name) else repr(item.get("input"))
    return f"{_origin(name, overrides)} is {shown}{where}; expected {_expected(name, item)}."


def _origin(name: str, overrides: Mapping[str, Any]) -> str:
    """Where a field's value was found: the variable actually used, and ``.env`` if it is set there."""
    if name in overrides:
        return name
    for place, values in (("", os.environ), (" in .env", dotenv_values(".env"))):
        given = {key.lower() for key, value in values.items() if value}
        for variable in variables_of(name):
            if variable.lower() in given:
                return variable + place
    return variables_of(name)[0]


def _expected(name: str, item: ErrorDetails) -> str:
    """The expected value in words; numbers with their range."""
    kind = item["type"]
    if kind.startswith(("int_", "float_", "greater_", "less_", "finite_")):
        field = Settings.model_fields[name]
        noun = "a whole number" if "int" in str(field.annotation) else "a number"
        words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
        limits = [
            f"{word} {value:g}"
            for rule in field.metadata
            for key, word in words.items()
            if (value := getattr(rule, key, None)) is not None
        ]
        return f"{noun}, {' and '.join(limits)}" if limits else noun
    if kind.startswith("bool_"):
        return "true or false"
    return item["msg"].removeprefix("Input should be ").removeprefix("Value error, ").removesuffix(".")
