"""Colours that a file names by numbers instead of a profile: cICP, gAMA and cHRM of PNG, nclx of HEIC and AVIF.

Numbers are those of ITU-T H.273. What they describe becomes an ICC profile, so that everything that is done with
profiles is done with them too; only HDR, which no profile of that kind can hold, is brought to sRGB here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import Pixels

Floats = NDArray[np.float32]


class Chromaticities(NamedTuple):
    """x and y of white, red, green and blue."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


D65 = (0.3127, 0.3290)
C = (0.310, 0.316)
BT709 = Chromaticities(D65, (0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
BT2020 = Chromaticities(D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
PRIMARIES: Mapping[int, tuple[str, Chromaticities]] = {
    1: ("sRGB", BT709),
    4: ("BT.470M", Chromaticities(C, (0.670, 0.330), (0.210, 0.710), (0.140, 0.080))),
    5: ("BT.601 of 625 lines", Chromaticities(D65, (0.640, 0.330), (0.290, 0.600), (0.150, 0.060))),
    6: ("BT.601 of 525 lines", Chromaticities(D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))),
    7: ("SMPTE 240M", Chromaticities(D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))),
    9: ("BT.2020", BT2020),
    11: ("DCI-P3", Chromaticities((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))),
    12: ("Display P3", Chromaticities(D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))),
    22: ("EBU Tech. 3213", Chromaticities(D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077))),
}
GAMMAS: Mapping[int, float] = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
PQ, HLG = 16, 18
HDR: Mapping[int, str] = {PQ: "PQ", HLG: "HLG"}
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""Parameters g, a, b, c, d of ICC's parametric curve of type 3. What is marked BT.709 is shown with it too."""
WHITE_NITS = 203.0
"""HDR reference white (ITU-R BT.2408): what is shown as the white of sRGB."""
HLG_PEAK_NITS = 1000.0
ROWS = 256
"""HDR is brought to sRGB so many rows at a time, so that floats of a large picture never exist all at once."""
D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True)
class Numbered:
    """Colours described by primaries and a curve: ``gamma``, one that HDR uses, or that of sRGB."""

    name: str
    primaries: Chromaticities
    gamma: float | None = None
    hdr: int | None = None

    def profile(self) -> bytes | None:
        """As an ICC profile; ``None`` for what is sRGB, and for HDR."""
        if self.hdr is not None or (self.primaries == BT709 and self.gamma is None):
            return None
        return _profile(self.name, self.primaries, self.gamma)


def of_png(colours: Mapping[bytes, bytes]) -> Numbered | None:
    """What the chunks of a PNG say, the one with precedence first (PNG, third edition, 12.1)."""
    cicp = colours.get(b"cICP", b"")
    if len(cicp) == 4 and (found := _by_numbers(cicp[0], cicp[1])) is not None:
        return found
    if b"sRGB" in colours or len(colours.get(b"gAMA", b"")) != 4:
        return None
    exponent = int.from_bytes(colours[b"gAMA"], "big") / 100_000
    if not 0.1 <= exponent <= 10:
        return None
    primaries = _chromaticities(colours.get(b"cHRM", b"")) or BT709
    if primaries == BT709 and 0.44 <= exponent <= 0.47:  # 1/2.2, as everybody writes who means sRGB
        return None
    name = "linear" if exponent == 1 else f"gamma {1 / exponent:.3g}"
    return Numbered(name if primaries == BT709 else f"{name}, own primaries", primaries, 1 / exponent)


def of_box(data: bytes) -> Numbered | None:
    """What the first ``colr`` box of a HEIC or AVIF file says: that of the picture comes before those of its parts."""
    at = data.find(b"colrnclx")
    if at < 0 or len(data) < at + 12:
        return None
    return _by_numbers(*struct.unpack_from(">HH", data, at + 8))


def tone_mapped(values: NDArray[np.uint8] | NDArray[np.uint16], colours: Numbered) -> Pixels:
    """HDR code values as sRGB of 8 bits: what is brighter than white is rolled off as in ITU-R BT.2390."""
    curve = _nits_of_codes(values.dtype, colours.hdr)
    to_srgb = (_to_xyz(BT709)[1] @ _to_xyz(colours.primaries)[0]).astype(np.float32)
    peak = _peak(values, curve, colours)
    made = np.empty((*values.shape[:2], 3), np.uint8)
    for top in range(0, len(values), ROWS):
        part = slice(top, top + ROWS)
        light = _displayed(curve[values[part, :, :3]], colours) @ to_srgb.T
        made[part] = _as_srgb(light * _roll_off(light.max(axis=2, keepdims=True), peak))
    return made


def _by_numbers(primaries: int, transfer: int) -> Numbered | None:
    name, known = PRIMARIES.get(primaries, PRIMARIES[1])
    if transfer in HDR:
        return Numbered(f"{HDR[transfer]}, {name}", known, hdr=transfer)
    gamma = GAMMAS.get(transfer)
    if known == BT709 and gamma is None:
        return None
    return Numbered(
        name if gamma is None else f"{name}, {'linear' if gamma == 1 else f'gamma {gamma:g}'}", known, gamma
    )


def _chromaticities(body: bytes) -> Chromaticities | None:
    if len(body) != 32:
        return None
    numbers = [number / 100_000 for number in struct.unpack(">8I", body)]
    points = Chromaticities(*((numbers[at], numbers[at + 1]) for at in range(0, 8, 2)))
    if np.allclose(points, BT709, atol=0.002):
        return BT709
    flat = np.array([(x, y, 1.0) for x, y in points[1:]])
    usable = all(0 < x < 1 and 0 < y < 1 for x, y in points) and abs(np.linalg.det(flat)) > 1e-3
    return points if usable else None


def _to_xyz(primaries: Chromaticities) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The matrix from linear light to XYZ, with the white's own brightness 1, and its inverse."""
    red, green, blue = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in primaries[1:])
    columns = np.stack([red, green, blue], axis=1)
    x, y = primaries.white
    matrix = columns * np.linalg.solve(columns, [x / y, 1.0, (1 - x - y) / y])
    return matrix, np.linalg.inv(matrix)


def _profile(name: str, primaries: Chromaticities, gamma: float | None) -> bytes:
    """A matrix profile (ICC.1:2010): primaries seen under D50, one curve for all three."""
    matrix = _to_xyz(primaries)[0]
    cones, wanted = BRADFORD @ matrix.sum(axis=1), BRADFORD @ D50
    adapted = np.linalg.inv(BRADFORD) @ np.diag(wanted / cones) @ BRADFORD @ matrix
    curve = _curve(gamma)
    tags = [(b"desc", _text(name)), (b"cprt", _text("No copyright")), (b"wtpt", _xyz(D50))]
    tags += [(kind, _xyz(adapted[:, at])) for at, kind in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
    tags += [(kind, curve) for kind in (b"rTRC", b"gTRC", b"bTRC")]
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for kind, tag in tags:
        table += struct.pack(">4sII", kind, start + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    size = start + len(body)
    head = struct.pack(">I4xI4s4s4s12x4s", size, 0x04200000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return (head + bytes(28) + _s15(*D50)).ljust(128, b"\0") + table + body


def _curve(gamma: float | None) -> bytes:
    kind, numbers = (3, SRGB_CURVE) if gamma is None else (0, (gamma,))
    return b"para\0\0\0\0" + struct.pack(">H2x", kind) + _s15(*numbers)


def _text(text: str) -> bytes:
    words = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(words), 28) + words


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + _s15(*values)


def _s15(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _nits_of_codes(kind: np.dtype[np.uint8] | np.dtype[np.uint16], transfer: int | None) -> Floats:
    """Light by code value: nits for PQ (SMPTE ST 2084), the scene's light from 0 to 1 for HLG (ITU-R BT.2100)."""
    top = np.iinfo(kind).max
    codes = np.arange(top + 1) / top
    if transfer == PQ:
        return _from_pq(codes).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12).astype(np.float32)


def _displayed(light: Floats, colours: Numbered) -> Floats:
    """Nits, as multiples of white. What HLG says of the scene is shown on a display of ``HLG_PEAK_NITS``."""
    if colours.hdr == PQ:
        return light / np.float32(WHITE_NITS)
    seen = light @ _to_xyz(colours.primaries)[0][1].astype(np.float32)
    shown = np.maximum(seen, 1e-6)[..., None] ** np.float32(0.2) * np.float32(HLG_PEAK_NITS / WHITE_NITS)
    return np.asarray(light * shown, np.float32)


def _peak(values: NDArray[np.uint8] | NDArray[np.uint16], curve: Floats, colours: Numbered) -> float:
    """The brightest that the picture may hold, as a multiple of white."""
    brightest = np.full((1, 1, 3), curve[int(values[..., :3].max(initial=0))], np.float32)
    return float(_displayed(brightest, colours).max())


def _roll_off(light: Floats, peak: float) -> Floats:
    """By how much light is dimmed (BT.2390, without black lift): not at all up to the knee; ``peak`` becomes white."""
    if peak <= 1:
        return np.ones_like(light)
    source, white = (float(code) for code in _to_pq(np.array([peak * WHITE_NITS, WHITE_NITS])))
    target = white / source
    knee = max(0.0, 1.5 * target - 0.5)
    bright = np.maximum(light.astype(np.float64), 1e-6)
    codes = np.minimum(_to_pq(bright * WHITE_NITS) / source, 1.0)
    t = np.clip((codes - knee) / (1 - knee), 0, 1)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * target
    mapped = np.where(codes < knee, codes, bent)
    return (_from_pq(mapped * source) / WHITE_NITS / bright).astype(np.float32)


M1, M2, C1, C2, C3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
"""Constants of SMPTE ST 2084."""


def _from_pq(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    root = np.maximum(codes, 0) ** (1 / M2)
    return np.asarray(10_000 * (np.maximum(root - C1, 0) / (C2 - C3 * root)) ** (1 / M1))


def _to_pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    power = (np.maximum(nits, 0) / 10_000) ** M1
    return np.asarray(((C1 + C2 * power) / (1 + C3 * power)) ** M2)


def _as_srgb(light: Floats) -> Pixels:
    clipped = np.clip(light, 0, 1)
    curved = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** np.float32(1 / 2.4) - 0.055)
    return np.asarray(np.rint(curved * 255), np.uint8)
