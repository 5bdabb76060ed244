"""Bytes to pixels and back.

Files from outside go through :func:`open_image`: limits are checked from the header before anything
is decoded, and every refusal is a user-facing sentence. Files that this program stored are read by
:func:`decode`. Pixels are always upright sRGB, 8 bits, RGB or RGBA.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from kontext_ui.edits import Mask, Pixels, Size
from kontext_ui.errors import ImageMissing, InvalidImage
from kontext_ui.images import numbered, own, png
from kontext_ui.images.numbered import Numbered
from kontext_ui.images.own import Own
from kontext_ui.images.profiles import is_rgb, profile_name, to_srgb
from kontext_ui.images.sniff import check_not_something_else, readable_formats

MIN_SIDE_PX = 8
"""The smallest side accepted: below this there is nothing that a model or a person could edit."""
PREVIEW_SIDE_PX = 2048
THUMBNAIL_SIDE_PX = 320
PREVIEW_QUALITY = 90
UPRIGHT = 1
"""The value of the Exif orientation tag that means no rotation."""
ORIENTATION_TAG = 0x0112
UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, OverflowError, struct.error)
"""What Pillow's reader raises on what is no Exif."""
NEW_SUBFILE_TYPE = 254
REDUCED, MASK = 1, 4
"""Bits of that tag of TIFF: a page that shows another one smaller, or its transparency."""
MAX_PAGES = 16
"""A file of more pages is no picture with its thumbnails."""


@dataclass(frozen=True)
class ImageLimits:
    """Largest file in bytes and largest picture in pixels."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, eq=False)
class OpenedImage:
    """A picture from outside, ready to be stored."""

    pixels: Pixels
    size: Size
    has_alpha: bool
    source: Mapping[str, str] = field(default_factory=dict)
    """Facts about the file: ``format``, ``mode``, ``profile`` (its name), ``hdr`` (its kind), ``bits``, ``turned``."""
    icc_profile: bytes | None = None
    """The embedded profile, for restoring it on export; ``None`` when there was none."""
    own: Own | None = None
    """The photo's own pixels, in the colours of its profile, where 8-bit sRGB does not hold them."""


@dataclass(frozen=True, eq=False)
class EncodedImage:
    """A file's bytes and what they are."""

    data: bytes
    media_type: str
    suffix: str
    size: Size


def digest(data: bytes) -> str:
    """The name of a stored file: sha256, hex."""
    return hashlib.sha256(data).hexdigest()


def open_image(data: bytes, limits: ImageLimits) -> OpenedImage:
    """Open a picture of unknown origin. Raises only ``InvalidImage``, whatever the bytes are.

    The orientation tag is applied, an embedded profile is converted to sRGB, 16-bit and CMYK become
    8-bit RGB, and alpha is kept when anything is transparent.
    """
    if not data:
        raise InvalidImage("The file is empty.", hint="Choose another file.")
    if len(data) > limits.max_bytes:
        raise InvalidImage(
            f"The file is {len(data) / 1e6:.1f} MB; the limit is {limits.max_bytes / 1e6:.0f} MB.",
            hint="Save a smaller copy, or save it as JPEG.",
        )
    check_not_something_else(data)
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures by its own measure; ours is checked from the header.
            warnings.simplefilter("ignore")
            file = png.bare(data)
            if file.frames > 1:
                raise _several(file.frames)
            with Image.open(io.BytesIO(file.data), formats=readable_formats()) as image:
                _turn_to_picture(image)
                _check_size(Size(*image.size), limits)
                image.load()
                return _opened(image, _Said.of(image, file, data), file.data)
    except InvalidImage:
        raise
    except UnidentifiedImageError:
        raise InvalidImage(
            "This file is not a picture that this program can open, or its beginning is damaged.",
            hint="Use a PNG, JPEG, WebP, TIFF, HEIC or AVIF file.",
        ) from None
    except Image.DecompressionBombError:
        raise _too_many_pixels(None, limits) from None
    except MemoryError:
        raise InvalidImage("This picture is too large for this machine's memory.", hint="Use a smaller copy.") from None
    except Exception as error:
        # Decoders raise nearly anything on hostile bytes: OSError, SyntaxError, ValueError, struct.error, …
        raise InvalidImage(_damaged(error), hint="Open it in another program and save it again.") from error


def decode(data: bytes) -> Pixels:
    """Read a picture that this program stored. Raises ``ImageMissing`` when the file is damaged."""
    raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.ndim != 3:
        raise ImageMissing("A stored picture is damaged.", hint="Run the verify command to see which.")
    order = cv2.COLOR_BGRA2RGBA if raw.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(raw, order), np.uint8)


def decode_mask(data: bytes) -> Mask:
    """Read a mask that this program stored. Raises ``ImageMissing`` when the file is damaged."""
    mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ImageMissing("A stored mask is damaged.", hint="Run the verify command to see which.")
    return np.asarray(mask, np.uint8)


def encode_png(pixels: Pixels) -> bytes:
    """Lossless and deterministic.

    Run-length coding of filtered rows is twice as quick as ordinary deflate at its lowest level and
    makes files of the same size (12 MP: 0.5 s and 17 MB against 1.1 s and 21 MB).
    """
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    return _png(np.asarray(cv2.cvtColor(pixels, order), np.uint8))


def encode_mask_png(mask: Mask) -> bytes:
    return _png(mask)


def make_preview(pixels: Pixels, max_side_px: int = PREVIEW_SIDE_PX) -> EncodedImage:
    """A smaller picture for the screen: JPEG without chroma subsampling, WebP where there is alpha."""
    small = shrunk(pixels, max_side_px)
    size = Size(small.shape[1], small.shape[0])
    buffer = io.BytesIO()
    if small.shape[2] == 4:
        Image.fromarray(small).save(buffer, "WEBP", quality=PREVIEW_QUALITY, method=2)
        return EncodedImage(buffer.getvalue(), "image/webp", ".webp", size)
    Image.fromarray(small).save(buffer, "JPEG", quality=PREVIEW_QUALITY, subsampling=0)
    return EncodedImage(buffer.getvalue(), "image/jpeg", ".jpg", size)


def make_thumbnail(pixels: Pixels, max_side_px: int = THUMBNAIL_SIDE_PX) -> EncodedImage:
    return make_preview(pixels, max_side_px)


def shrunk(pixels: Pixels, max_side_px: int) -> Pixels:
    """Scaled down by area so that the longest side is at most ``max_side_px``; never scaled up."""
    height, width = pixels.shape[:2]
    factor = max_side_px / max(width, height)
    if factor >= 1.0:
        return pixels
    target = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, target, interpolation=cv2.INTER_AREA), np.uint8)


def _png(raw: Pixels | Mask) -> bytes:
    settings = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    done, encoded = cv2.imencode(".png", raw, settings)
    assert done
    return encoded.tobytes()


def _turn_to_picture(image: Image.Image) -> None:
    """To the one page that is no thumbnail or mask of another. Raises ``InvalidImage`` where there are several."""
    count: int = getattr(image, "n_frames", 1)
    if count <= 1 or image.format in ("MPO", "HEIF"):
        return
    pages = list(range(count))
    if image.format == "TIFF" and count <= MAX_PAGES:
        pages = [page for page in pages if not _kind_of_page(image, page) & (REDUCED | MASK)]
    if len(pages) != 1:
        raise _several(len(pages) or count)
    image.seek(pages[0])


def _several(count: int) -> InvalidImage:
    return InvalidImage(
        f"This file is an animation or has several pages ({count}).",
        hint="Save the one picture you want to edit as a file of its own.",
    )


def _kind_of_page(image: Image.Image, page: int) -> int:
    image.seek(page)
    kind = image.tag_v2.get(NEW_SUBFILE_TYPE, 0) if isinstance(image, TiffImageFile) else 0
    return kind if isinstance(kind, int) else 0


def _check_size(size: Size, limits: ImageLimits) -> None:
    if size.width * size.height > limits.max_pixels:
        raise _too_many_pixels(size, limits)
    if min(size) < MIN_SIDE_PX:
        raise InvalidImage(
            f"A picture of {size} is too small to edit.", hint=f"Each side needs at least {MIN_SIDE_PX} pixels."
        )


def _too_many_pixels(size: Size | None, limits: ImageLimits) -> InvalidImage:
    what = "The picture" if size is None else f"The picture is {size} ({size.megapixels:.0f} megapixels);"
    return InvalidImage(
        f"{what} is larger than the limit of {limits.max_pixels / 1e6:.0f} megapixels."
        if size is None
        else f"{what} the limit is {limits.max_pixels / 1e6:.0f} megapixels.",
        hint="Save a smaller copy and open that.",
    )


def _damaged(error: Exception) -> str:
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return "The picture is incomplete: part of the file is missing."
    return "The picture is damaged and cannot be read."


class _Said(NamedTuple):
    """What a file says of its colours: a profile goes before numbers, but for the numbers of HDR."""

    profile: bytes | None
    numbers: Numbered | None

    @classmethod
    def of(cls, image: Image.Image, file: png.Bare, data: bytes) -> _Said:
        if image.format == "PNG":
            profile, numbers = png.profile_of(file.colours.get(b"iCCP", b"")), numbered.of_png(file.colours)
        else:
            profile = image.info.get("icc_profile")
            profile = profile if isinstance(profile, bytes) and profile else None
            numbers = numbered.of_box(data) if image.format in ("AVIF", "HEIF") else None
        if numbers is not None and (profile is None or numbers.hdr is not None):
            return cls(numbers.profile(), numbers)
        return cls(profile, None)


def _opened(image: Image.Image, said: _Said, data: bytes) -> OpenedImage:
    source = {"format": _format_name(image), "mode": image.mode}
    orientation = _orientation(image)
    deep = own.deep_pixels(image, data, orientation)
    if said.profile is not None:
        source["profile"] = profile_name(said.profile)
    if orientation not in (0, UPRIGHT):
        source["turned"] = "yes"
    if deep is not None:
        source["bits"] = "16"
        upright = Image.fromarray(own.eight_bits(deep))
    else:
        upright = _eight_bits(ImageOps.exif_transpose(image) if "turned" in source else image)
    if said.numbers is not None and said.numbers.hdr is not None:
        source["hdr"] = said.numbers.name
        values = np.asarray(to_srgb(upright, None), np.uint8) if deep is None else deep
        pixels = _drop_opaque_alpha(_tone_mapped(values, said.numbers))
        return _opened_as(pixels, source, said.profile, None)
    pixels = _drop_opaque_alpha(np.asarray(to_srgb(upright, said.profile), np.uint8))
    return _opened_as(
        pixels, source, said.profile, _own_pixels(upright if deep is None else deep, pixels, said.profile)
    )


def _opened_as(pixels: Pixels, source: dict[str, str], profile: bytes | None, kept: Own | None) -> OpenedImage:
    size = Size(pixels.shape[1], pixels.shape[0])
    return OpenedImage(pixels, size, pixels.shape[2] == 4, source, profile, kept)


def _own_pixels(picture: Image.Image | Own, pixels: Pixels, profile: bytes | None) -> Own | None:
    """What ``pixels`` were made of, unless they are the same or the profile is not one of RGB."""
    if profile is not None and not is_rgb(profile):
        return None
    if isinstance(picture, Image.Image):
        if picture.mode not in ("RGB", "RGBA"):
            return None
        picture = np.asarray(picture, np.uint8)
    channels = pixels.shape[2]  # fewer than the photo has, where its alpha was opaque
    if picture.dtype == np.uint16:
        return np.ascontiguousarray(picture[..., :channels], np.uint16)
    kept = np.ascontiguousarray(picture[..., :channels], np.uint8)
    return None if np.array_equal(kept, pixels) else kept


def _tone_mapped(values: Own, colours: Numbered) -> Pixels:
    return np.concatenate([numbered.tone_mapped(values, colours), own.eight_bits(values[..., 3:])], axis=2)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
    except UNREADABLE:  # and so no damage to the picture
        return UPRIGHT
    return value if isinstance(value, int) else UPRIGHT


def _format_name(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else image.format or "unknown"


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit and floating-point greys scaled to 8 bits; everything else is unchanged."""
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image).astype(np.float64)
        scale = 257.0 if values.max(initial=0) > 255 or image.mode.startswith("I;16") else 1.0
        return Image.fromarray(np.clip(np.rint(values / scale), 0, 255).astype(np.uint8))
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image).astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        scale = 255.0 if values.max(initial=0) <= 1.0 else 1.0
        return Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8))
    return image


def _drop_opaque_alpha(pixels: Pixels) -> Pixels:
    if pixels.shape[2] == 4 and bool((pixels[..., 3] == 255).all()):
        return np.ascontiguousarray(pixels[..., :3])
    return np.ascontiguousarray(pixels)
