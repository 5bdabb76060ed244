"""Contact sheets of the built-in engine, to be looked at: ``python -m tests.sheets [sheet …]``.

They are written to ``tests/output/sheets``; ``--readme`` writes the one that the README shows.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.basic import BasicBackend
from kontext_ui.edits import Done, EditRequest, Tier
from kontext_ui.errors import NotUnderstood
from tests.unit.basic.photos import photo, sign

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "tests" / "output" / "sheets"
SHOWN = ROOT / "assets" / "readme" / "built-in-engine.jpg"
TILE = (340, 250)
STYLES = ("pixel art", "line art", "a pencil sketch", "a comic book", "low poly", "a watercolour", "an oil painting",
          "Van Gogh", "an ink wash", "an etching", "stained glass", "impressionist")  # fmt: skip

SHEETS = {
    "recolour": [(name, [f"make the {thing} {c}" for c in ("blue", "red", "white", "black", "green")])
                 for name, thing in (("motorcycle_left.png", "motorcycle"), ("flower.jpg", "flower"),
                                     ("chelsea.png", "cat"), ("coffee.png", "cup"), ("astronaut.png", "orange suit"))],
    "background": [(name, ["blur the background", "remove the background", "change the background to a studio",
                           "change the background to a beach", "change the background to a forest"])
                   for name in ("astronaut.png", "flower.jpg", "chelsea.png", "china.jpg")],
    "sky": [(name, [f"make the sky {k}" for k in ("stormy", "a sunset", "a night sky", "blue", "overcast")])
            for name in ("china.jpg", "rocket.jpg")],
    "weather": [(name, ["add fog", "make it rain", "add falling snow", "make it night", "give it golden hour light"])
                for name in ("china.jpg", "rocket.jpg")]
               + [("china.jpg", [f"make it {season}" for season in ("spring", "summer", "autumn", "winter")])],
    "styles": [(name, [f"turn it into {s}" for s in STYLES[i : i + 6]]) for name in ("china.jpg", "astronaut.png")
               for i in (0, 6)],
    "removal": [("flower.jpg", ["remove the flower"]), ("astronaut.png", ["remove the person"])],
    "text": [("sign", ["replace “OPEN” with “CLOSED”", "remove the text", "add the text “Welcome” at the bottom"])],
    "tone": [("coffee.png", ["make it brighter", "a lot warmer", "black and white", "more contrast", "add grain"])],
}  # fmt: skip
README = [
    ("coffee.png", ["make the cup blue", "blur the background"]),
    ("chelsea.png", ["make everything black and white except the cat", "turn it into a watercolour"]),
    ("astronaut.png", ["make the orange suit green", "change the background to a beach"]),
    ("rocket.jpg", ["make the sky a sunset", "in the style of Van Gogh"]),
]


def main(arguments: list[str]) -> None:
    if "--readme" in arguments:
        SHOWN.write_bytes(_encoded(_sheet(README)))
        return
    OUT.mkdir(parents=True, exist_ok=True)
    for name in arguments or SHEETS:
        (OUT / f"{name}.jpg").write_bytes(_encoded(_sheet(SHEETS[name])))
        sys.stdout.write(f"{OUT / name}.jpg\n")


def _sheet(rows):
    drawn = []
    for name, instructions in rows:
        before = sign(1.0) if name == "sign" else photo(name, 1.0)
        tiles = [_tile(before, "before"), *(_tile(*_edited(before, words)) for words in instructions)]
        drawn.append(np.hstack(tiles))
    width = max(row.shape[1] for row in drawn)
    return np.vstack([np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0)), constant_values=255) for r in drawn])


def _edited(before, instruction: str):
    async def run():
        request = EditRequest(instruction, Tier.LOCAL, "builtin")
        async for event in BasicBackend().edit(request, EditTask("sheet", input_image=before)):
            if isinstance(event, Done):
                return event.result.pixels
        raise AssertionError("the edit ended without a result")

    try:
        return asyncio.run(run()), instruction
    except NotUnderstood as error:
        return np.full_like(before, 230), f"{instruction}: {error.message}"


def _tile(pixels, caption: str):
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:] / 255
        y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
        checks = np.where(((x // 24 + y // 24) % 2)[..., None], 214, 242)
        pixels = (pixels[..., :3] * alpha + checks * (1 - alpha)).astype(np.uint8)
    width, height = TILE[0] - 8, TILE[1] - 30
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = Image.new("RGB", TILE, "white")
    tile.paste(Image.fromarray(small), ((TILE[0] - small.shape[1]) // 2, 2))
    face = ImageFont.load_default(14)
    ImageDraw.Draw(tile).text((TILE[0] / 2, height + 8), caption[:52], fill=(60, 60, 66), font=face, anchor="ma")
    return np.asarray(tile)


def _encoded(pixels) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=84, optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
