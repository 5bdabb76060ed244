"""Colour profiles: everything inside the program is sRGB; this module converts what comes in."""

from __future__ import annotations

import functools
import io

from PIL import Image, ImageCms

CREATED = slice(24, 36)
"""Where an ICC profile's header keeps its date (ICC.1:2010, 7.2)."""
MAX_PROFILE_BYTES = 4_000_000
"""Printer profiles reach 2–3 MB; a larger one is treated as garbage and ignored."""


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An RGB or RGBA picture in sRGB. Without a usable profile the values are assumed to be sRGB."""
    alpha = _alpha_of(image)
    colours = image if image.mode in ("RGB", "CMYK", "L", "LAB") else image.convert(_plain_mode(image))
    converted = None if profile is None else _by_profile(colours, profile)
    if converted is None:
        converted = colours.convert("RGB")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def profile_name(profile: bytes) -> str:
    """The name people know, for example ``Display P3``; ``unreadable`` for a broken one."""
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return "unreadable"
    return " ".join(name.split())[:80] or "unnamed"


def is_rgb(profile: bytes) -> bool:
    """Whether it can be read and describes RGB."""
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip() == "RGB"
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return False


def srgb_profile() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(srgb_bytes()))


@functools.cache
def srgb_bytes() -> bytes:
    """The sRGB profile as a file. Without its creation time, so that equal exports are equal bytes."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made[: CREATED.start] + bytes(CREATED.stop - CREATED.start) + made[CREATED.stop :]


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """``None`` when the profile is broken or made for another kind of picture."""
    if len(profile) > MAX_PROFILE_BYTES:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, srgb_profile(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _alpha_of(image: Image.Image) -> Image.Image | None:
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        return image.convert("RGBA").getchannel("A")
    if "transparency" in image.info:
        return image.convert("RGBA").getchannel("A")
    return None


def _plain_mode(image: Image.Image) -> str:
    return "L" if image.mode in ("1", "LA", "La") else "RGB"
