"""Pictures in and out of the blob store: encode once, derive previews once, remember recent pixels."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from kontext_ui.edits import Mask, Pixels
from kontext_ui.errors import ImageMissing
from kontext_ui.history.blobs import BlobStore
from kontext_ui.images import codec, own
from kontext_ui.images.own import Own

T = TypeVar("T")
CACHE_BYTES = 256 * 1024 * 1024
CACHE_PICTURES = 8
"""Decoded pixels kept for the next edit: the newest picture of a few people at work. Bounded in number
too, so that small pictures do not fill the bytes slowly and memory stays flat."""


class PixelCache:
    """Recently used pixels by digest, bounded in bytes and number; least recently used goes first. Thread-safe."""

    def __init__(self, max_bytes: int = CACHE_BYTES, max_pictures: int = CACHE_PICTURES) -> None:
        self._max_bytes = max_bytes
        self._max_pictures = max_pictures
        self._bytes = 0
        self._items: OrderedDict[str, Pixels] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str) -> Pixels | None:
        with self._lock:
            pixels = self._items.get(digest)
            if pixels is not None:
                self._items.move_to_end(digest)
            return pixels

    def put(self, digest: str, pixels: Pixels) -> None:
        with self._lock:
            old = self._items.pop(digest, None)
            self._bytes += pixels.nbytes - (0 if old is None else old.nbytes)
            self._items[digest] = pixels
            while self._items and (self._bytes > self._max_bytes or len(self._items) > self._max_pictures):
                self._bytes -= self._items.popitem(last=False)[1].nbytes


class PixelStore:
    """Stores and loads pixels. All work happens on worker threads, as many at once as there are cores."""

    def __init__(self, blobs: BlobStore, cache: PixelCache | None = None) -> None:
        self.blobs = blobs
        self._cache = cache or PixelCache()
        self._limiter = CapacityLimiter(max(2, os.cpu_count() or 2))

    async def compute(self, work: Callable[..., T], *arguments: object) -> T:
        """Run CPU work on a worker thread."""
        return await to_thread.run_sync(work, *arguments, limiter=self._limiter)

    async def save(self, pixels: Pixels) -> str:
        """Write full picture, preview and thumbnail; returns the digest. Raises ``StorageFull``."""
        digest, derived = await asyncio.gather(self.compute(self._put, pixels), self.compute(_derive, pixels))
        for kind, image in derived:
            await self.compute(self.blobs.put_derived, digest, kind, image.data, image.suffix)
        self._cache.put(digest, pixels)
        return digest

    async def save_mask(self, mask: Mask | None) -> str | None:
        """Returns the digest; ``None`` saves nothing."""
        return None if mask is None else await self.compute(self._put_mask, mask)

    async def save_answer(self, pixels: Pixels | None) -> str | None:
        """Keep a model's own picture, without previews. Returns the digest; ``None`` saves nothing."""
        return None if pixels is None else await self.compute(self._put, pixels)

    async def save_profile(self, profile: bytes | None) -> str | None:
        """Keep a colour profile for exports. Returns the digest; ``None`` saves nothing."""
        if profile is None:
            return None
        digest = codec.digest(profile)
        await self.compute(self.blobs.put, profile, digest, ".icc")
        return digest

    async def save_own(self, pixels: Own | None) -> str | None:
        """Keep a photo's own pixels for exports. Returns the digest; ``None`` saves nothing."""
        return None if pixels is None else await self.compute(self._put_data, own.encode, pixels)

    async def load_own(self, digest: str | None) -> Own | None:
        """``None`` for none, and for those whose file is gone: then 8 bits of sRGB are what there is."""
        try:
            return None if digest is None else await self.compute(lambda: own.decode(self.blobs.read(digest)))
        except ImageMissing:
            return None

    async def load_profile(self, digest: str | None) -> bytes | None:
        """``None`` for none, and for one whose file is gone: the picture can be had without it."""
        try:
            return None if digest is None else await self.compute(self.blobs.read, digest)
        except ImageMissing:
            return None

    async def load(self, digest: str) -> Pixels:
        """Raises ``ImageMissing``. The array is shared: treat it as read-only."""
        pixels = self._cache.get(digest)
        if pixels is None:
            pixels = await self.compute(self._read, digest)
            self._cache.put(digest, pixels)
        return pixels

    async def load_mask(self, digest: str) -> Mask:
        return await self.compute(lambda: codec.decode_mask(self.blobs.read(digest)))

    async def derived_path(self, digest: str, kind: str) -> Path:
        """Path of ``preview`` or ``thumb``, made again from the full picture when it is missing."""
        return await self.compute(self._derived_path, digest, kind)

    def _put(self, pixels: Pixels) -> str:
        return self._put_data(codec.encode_png, pixels)

    def _put_mask(self, mask: Mask) -> str:
        return self._put_data(codec.encode_mask_png, mask)

    def _put_data(self, encode: Callable[[T], bytes], pixels: T) -> str:
        data = encode(pixels)
        digest = codec.digest(data)
        self.blobs.put(data, digest, ".png")
        return digest

    def _read(self, digest: str) -> Pixels:
        pixels = codec.decode(self.blobs.read(digest))
        pixels.setflags(write=False)
        return pixels

    def _derived_path(self, digest: str, kind: str) -> Path:
        try:
            return self.blobs.path(digest, kind)
        except ImageMissing:
            for made_kind, image in _derive(self._read(digest)):
                self.blobs.put_derived(digest, made_kind, image.data, image.suffix)
            return self.blobs.path(digest, kind)


def _derive(pixels: Pixels) -> list[tuple[str, codec.EncodedImage]]:
    return [("preview", codec.make_preview(pixels)), ("thumb", codec.make_thumbnail(pixels))]
