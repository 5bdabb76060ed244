"""A version as a file to download: format, colour profile, and the recipe that made it.

The recipe travels in standard places, XMP in every format and an ``iTXt`` chunk in PNG, as JSON that
this program reads back. None of the original file's metadata is written: no location, no camera.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from pydantic import TypeAdapter, ValidationError

from kontext_ui.edits import EditOptions, Pixels, Size, Tier
from kontext_ui.errors import InvalidRequest
from kontext_ui.images import own
from kontext_ui.images.codec import EncodedImage, encode_png
from kontext_ui.images.own import Own
from kontext_ui.images.profiles import srgb_bytes, srgb_profile

Format = Literal["png", "jpeg", "webp", "tiff"]
FORMATS: Mapping[str, tuple[str, str]] = {
    "png": ("image/png", ".png"),
    "jpeg": ("image/jpeg", ".jpg"),
    "webp": ("image/webp", ".webp"),
    "tiff": ("image/tiff", ".tif"),
}
PNG_KEY = "kontext_ui:recipe"
PNG_XMP = "XML:com.adobe.xmp"
NAMESPACE = "urn:kontext_ui:recipe:1"
MAX_RECIPE_BYTES = 200_000
"""JPEG holds one XMP packet of 64 KB; a longer chain than fits is written in the other formats only."""
JPEG_XMP_BYTES = 65_000
MAX_STEPS = 2_000
PACKET = re.compile(rb"<kx:recipe>([^<]{0,400000})</kx:recipe>")
TIFF_XMP_TAG = 700


@dataclass(frozen=True)
class RecipeStep(EditOptions):
    """One turn: enough to send it again. Its mask and references are named by digest and live in the project."""

    _: KW_ONLY
    tier: Tier = Tier.LOCAL
    backend: str = ""
    drawn_by: str = ""
    """The model's name as people know it."""
    seed: int | None = None
    """The seed actually used."""
    digest: str = ""
    """Of the version that this step made."""


@dataclass(frozen=True)
class Recipe:
    """The chain of instructions from the opened picture to the exported version."""

    steps: tuple[RecipeStep, ...] = ()
    root: str = ""
    """Digest of the opened picture."""
    project: str = ""
    version: str = ""
    program: str = "kontext_ui"


@dataclass(frozen=True, eq=False)
class Opened:
    """The opened picture at the root of a version, and the photo's own pixels, of which it was made."""

    pixels: Pixels
    own: Own


_RECIPES = TypeAdapter(Recipe)


def export(
    pixels: Pixels,
    format_name: str,
    *,
    quality: int = 92,
    icc_profile: bytes | None = None,
    recipe: Recipe | None = None,
    opened: Opened | None = None,
) -> EncodedImage:
    """Encode at full resolution. ``quality`` is 1..100 and counts for JPEG and WebP only.

    ``icc_profile`` (of the opened picture) is converted to and embedded; without one, or when it is not
    an RGB profile, the file is sRGB. With ``opened``, every pixel that is still the opened picture's is the photo's
    own, in PNG and TIFF with all of its 16 bits. JPEG shows transparent parts on white. Raises ``InvalidRequest``
    for an unknown format or quality.
    """
    if format_name not in FORMATS:
        raise InvalidRequest(f"{format_name!r} is not a format.", hint=f"Choose one of {', '.join(FORMATS)}.")
    if not 1 <= quality <= 100:
        raise InvalidRequest(f"The quality is {quality}.", hint="It must be from 1 to 100.")
    size = Size(pixels.shape[1], pixels.shape[0])
    media_type, suffix = FORMATS[format_name]
    if format_name == "png" and icc_profile is None and recipe is None and opened is None:
        return EncodedImage(encode_png(pixels), media_type, suffix, size)
    image, profile = _in_profile(Image.fromarray(pixels), icc_profile)
    kept = None if opened is None else own.restored(opened.own, opened.pixels, pixels, np.asarray(image, np.uint8))
    if kept is not None and kept.dtype == np.uint16 and format_name in ("png", "tiff"):
        return EncodedImage(_deep(np.asarray(kept, np.uint16), format_name, profile, recipe), media_type, suffix, size)
    if kept is not None:
        image = Image.fromarray(own.eight_bits(kept))
    if format_name == "jpeg" and image.mode == "RGBA":
        image = _on_white(image)
    data = _encoded(image, format_name, _options(format_name, quality, profile, recipe))
    return EncodedImage(data, media_type, suffix, size)


def _deep(pixels: NDArray[np.uint16], format_name: str, profile: bytes, recipe: Recipe | None) -> bytes:
    packet = None if recipe is None else _packet(recipe)
    if format_name == "tiff":
        return own.as_tiff(pixels, profile, packet)
    return own.as_png(pixels, profile, {} if packet is None else {PNG_XMP: packet.decode(), PNG_KEY: _json(recipe)})


def _encoded(image: Image.Image, format_name: str, options: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    try:
        image.save(buffer, format_name.upper(), **options)
    except OSError:
        # To optimise, Pillow wants all of a JPEG in a buffer of one or two bytes per pixel; grain needs more.
        if not options.get("optimize"):
            raise
        return _encoded(image, format_name, {**options, "optimize": False})
    return buffer.getvalue()


def read_recipe(data: bytes) -> Recipe | None:
    """The recipe in a file that this program exported, ``None`` when there is none or it cannot be trusted.

    Never parses XML: the packet is found by its own tag, bounded in length, and checked as JSON.
    """
    found = PACKET.search(data[: MAX_RECIPE_BYTES * 4]) or PACKET.search(data[-MAX_RECIPE_BYTES * 4 :])
    if found is None:
        return None
    try:
        text = html.unescape(found[1].decode("utf-8"))
        recipe = _RECIPES.validate_json(text)
    except (ValidationError, UnicodeDecodeError, RecursionError):
        return None
    return recipe if 0 < len(recipe.steps) <= MAX_STEPS else None


def _options(format_name: str, quality: int, profile: bytes, recipe: Recipe | None) -> dict[str, Any]:
    options: dict[str, Any] = {"icc_profile": profile}
    packet = None if recipe is None else _packet(recipe)
    if format_name == "png":
        options["compress_level"] = 4
        if packet is not None:
            options["pnginfo"] = _png_info(packet, recipe)
        return options
    if format_name == "jpeg":
        options |= {"quality": quality, "subsampling": 0 if quality >= 90 else 2, "optimize": True}
        packet = packet if packet is not None and len(packet) <= JPEG_XMP_BYTES else None
    elif format_name == "webp":
        options |= {"quality": quality, "method": 4}
    else:
        options["compression"] = "tiff_adobe_deflate"
        if packet is not None:
            options["tiffinfo"] = {TIFF_XMP_TAG: packet}
        return options
    if packet is not None:
        options["xmp"] = packet
    return options


def _png_info(packet: bytes, recipe: Recipe | None) -> PngInfo:
    info = PngInfo()
    info.add_itxt(PNG_XMP, packet.decode())
    info.add_itxt(PNG_KEY, _json(recipe))
    return info


def _json(recipe: Recipe | None) -> str:
    return "" if recipe is None else _RECIPES.dump_json(recipe, exclude_defaults=True).decode()


def _packet(recipe: Recipe) -> bytes:
    """An XMP packet. A recipe too long for any reader is cut to its newest steps."""
    steps = recipe.steps
    while len(text := _json(Recipe(steps, recipe.root, recipe.project, recipe.version))) > MAX_RECIPE_BYTES:
        steps = steps[len(steps) // 2 :] if len(steps) > 1 else ()
    about = "; ".join(step.instruction for step in steps)[:2000]
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:kx="{NAMESPACE}">'
        "<xmp:CreatorTool>kontext_ui</xmp:CreatorTool>"
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{html.escape(_printable(about))}</rdf:li></rdf:Alt>'
        f"</dc:description><kx:recipe>{html.escape(_printable(text))}</kx:recipe>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def _printable(text: str) -> str:
    """Without characters that XML cannot hold."""
    return "".join(character for character in text if character >= " " or character in "\t\n")


def _in_profile(image: Image.Image, icc_profile: bytes | None) -> tuple[Image.Image, bytes]:
    srgb = srgb_profile()
    if icc_profile is None:
        return image, srgb_bytes()
    try:
        target = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        if target.profile.xcolor_space.strip() != "RGB":
            return image, srgb_bytes()
        converted = ImageCms.profileToProfile(image.convert("RGB"), srgb, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image, srgb_bytes()
    if converted is None:
        return image, srgb_bytes()
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted, icc_profile


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(image, mask=image.getchannel("A"))
    return white
