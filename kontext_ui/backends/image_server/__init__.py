"""The tier local on other machines: image servers of one's own, one or many."""

from kontext_ui.backends.content_filter import filter_for
from kontext_ui.backends.image_server.backend import ImageServerBackend
from kontext_ui.backends.image_server.dialects import DIALECTS
from kontext_ui.backends.image_server.fleet import Found
from kontext_ui.settings import Settings

__all__ = ["Found", "ImageServerBackend", "addresses", "build", "survey"]


def addresses(text: str) -> tuple[str, ...]:
    """The servers of a setting, each once, without the ``/v1`` that some write after them."""
    parts = (part.strip().rstrip("/") for part in text.split(","))
    return tuple(dict.fromkeys(part.removesuffix("/v1") for part in parts if part))


def build(settings: Settings) -> ImageServerBackend:
    key = settings.image_server_key
    return ImageServerBackend(
        addresses(settings.image_server_urls),
        dialect=DIALECTS.get(settings.image_server_dialect),
        key=None if key is None else key.get_secret_value() or None,
        model=settings.image_server_model,
        steps=settings.image_server_steps,
        megapixels=settings.image_server_megapixels,
        per_server=settings.image_server_edits,
        timeout_s=settings.image_server_timeout_s,
        content=filter_for(settings),
    )


async def survey(settings: Settings) -> list[Found]:
    """Asks every configured server what it is and how it does."""
    backend = build(settings)
    try:
        return await backend.survey()
    finally:
        await backend.aclose()
