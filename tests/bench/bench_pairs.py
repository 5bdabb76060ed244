"""The pixel lock on real answers of real models.

python -m tests.bench pairs FOLDER                   a line per pair, and all of them in sum
python -m tests.bench pairs FOLDER --sheets OUT      also photo, answer, mask over shape, and result of each pair
python -m tests.bench pairs FOLDER --only ID …       some pairs
python -m tests.bench pairs FOLDER --lock always     as if the lock had been set to "always" (or "off")

FOLDER holds ID-before and ID-after as .jpg or .png and ``manifest.json``, a list of
``{"id", "kind": "local" | "global", "model", "instruction"}``. The pictures are other people's, so none is in the
repository. ``tests/data/pair_masks.json`` holds what was drawn by hand over each pair, without a look at any result:
``change`` are polygons (x and y in hundredths of the photo) around everything that a person sees changed; nothing is
known about ``either`` (things that the model invented or redrew unasked).

identical   share of the pixels that are the photo's, byte for byte
keepable    share outside the drawn shapes
leak        share of the frame that differs from the photo although it lies outside them (a margin of 2 % allowed)
recall      of what clearly differs inside them, the share that came over
seam        gradient along the soft edge of the result, against that of the two pictures it was blended from
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kontext_ui.edits import LockMode, SizeRule
from kontext_ui.images.geometry import plan_fit, size_of
from kontext_ui.images.lock import bring_back

MASKS = Path(__file__).resolve().parents[1] / "data" / "pair_masks.json"
_MARGIN = 0.02
_CLEARLY = 10.0
"""ΔE (CIE 76) by which an answer must leave the range of the photo's neighbourhood to count as a change."""
_REACH = 0.006
"""That neighbourhood's radius as a share of the short side: what a model shifts a picture by unasked."""


@dataclass(frozen=True)
class Pair:
    entry: dict
    before: np.ndarray
    after: np.ndarray
    shape: np.ndarray | None
    """Where a person sees a change; ``None`` where nothing was drawn."""
    either: np.ndarray | None


@dataclass(frozen=True)
class Row:
    name: str
    local: bool
    model: str
    whole: bool
    identical: float
    keepable: float
    leak: float
    recall: float
    seam: float
    seconds: float
    cpu: float


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--sheets", type=Path)
    options.add_argument("--only", nargs="*", default=[])
    options.add_argument("--lock", type=LockMode, default=LockMode.AUTO)
    given = options.parse_args(arguments)
    drawn = json.loads(MASKS.read_text())
    entries = json.loads((given.folder / "manifest.json").read_text())
    rows = []
    for entry in sorted(entries, key=lambda e: (e["kind"] != "local", e["id"])):
        if given.only and entry["id"] not in given.only:
            continue
        pair = load(given.folder, entry, drawn.get(entry["id"]))
        row, locked = measure(pair, given.lock)
        rows.append(row)
        print(line(row), flush=True)
        if given.sheets:
            write_sheet(given.sheets, pair, locked, row)
    print(*summary(rows), sep="\n")


def load(folder: Path, entry: dict, drawn: dict | None) -> Pair:
    before, after = (picture(folder, f"{entry['id']}-{when}") for when in ("before", "after"))
    if drawn is None:
        return Pair(entry, before, after, None, None)
    shapes = [filled(drawn.get(kind, []), before.shape[:2]) for kind in ("change", "either")]
    return Pair(entry, before, after, *shapes)


def picture(folder: Path, stem: str) -> np.ndarray:
    path = next(folder / f"{stem}.{end}" for end in ("png", "jpg") if (folder / f"{stem}.{end}").exists())
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def filled(polygons: list[str], shape: tuple[int, int]) -> np.ndarray:
    out = np.zeros(shape, np.uint8)
    scale = np.array([shape[1], shape[0]]) / 100
    for polygon in polygons:
        points = np.array(polygon.split(), float).reshape(-1, 2) * scale
        cv2.fillPoly(out, [np.rint(points).astype(np.int32)], 1)
    return out.astype(bool)


def measure(pair: Pair, mode: LockMode = LockMode.AUTO):
    fit = plan_fit(size_of(pair.before), SizeRule())
    start, cpu = time.perf_counter(), time.process_time()
    locked = bring_back(pair.before, pair.after, fit, mode=mode, exact=False)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return judge(pair, locked, seconds, cpu), locked


def judge(pair: Pair, locked, seconds: float = 0.0, cpu: float = 0.0) -> Row:
    result = locked.pixels[..., :3]
    same_frame = result.shape == pair.before.shape
    differs = (result != pair.before).any(axis=2) if same_frame else np.ones(pair.before.shape[:2], bool)
    keepable = leak = recall = math.nan
    if pair.shape is not None:
        keepable = 1.0 - float(pair.shape.mean())
        leak = float((differs & ~grown(pair.shape, _MARGIN) & ~pair.either).mean())
        truth = pair.shape & clearly_changed(pair.before, pair.after)
        came = locked.change_mask >= 128 if same_frame else differs
        recall = float(came[truth].mean()) if truth.mean() > 0.0002 else math.nan
    entry = pair.entry
    return Row(
        entry["id"], entry["kind"] == "local", entry["model"], locked.kept_whole, 1.0 - float(differs.mean()),
        keepable, leak, recall, seam(pair.before, locked) if same_frame else math.nan, seconds, cpu,
    )  # fmt: skip


def grown(shape: np.ndarray, share: float) -> np.ndarray:
    if not shape.any():
        return shape
    return cv2.distanceTransform((~shape).astype(np.uint8), cv2.DIST_L2, 5) <= share * min(shape.shape)


def clearly_changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Without any registration, so that no lock is judged by its own: see ``_CLEARLY`` and ``_REACH``."""
    size = before.shape[1::-1]
    first, second = (lab(p) for p in (before, cv2.resize(after, size, interpolation=cv2.INTER_AREA)))
    reach = max(1, round(_REACH * min(size)))
    near = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    low, high = cv2.erode(first, near), cv2.dilate(first, near)
    apart = np.maximum(np.maximum(low - second, second - high), 0)
    return np.linalg.norm(apart, axis=2) >= _CLEARLY


def lab(pixels: np.ndarray) -> np.ndarray:
    out = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return cv2.GaussianBlur(out, (0, 0), 1.5)


def seam(before: np.ndarray, locked) -> float:
    mask = locked.change_mask
    soft = (mask > 0) & (mask < 255)
    if locked.kept_whole or soft.sum() < 50:
        return 1.0
    own, other, out = (gradient(p) for p in (before, locked.candidate.render(), locked.pixels[..., :3]))
    weight = mask[soft] / 255
    return float((out[soft].mean() + 0.5) / ((weight * other[soft] + (1 - weight) * own[soft]).mean() + 0.5))


def gradient(pixels: np.ndarray) -> np.ndarray:
    gray = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    return np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)) / 8


def line(row: Row) -> str:
    kind = "local" if row.local else "global"
    return (
        f"{row.name:16} {kind:6} {'whole' if row.whole else 'lock':5} identical {row.identical:.3f} "
        f"of {row.keepable:5.3f}  leak {row.leak:6.4f}  recall {row.recall:5.3f}  seam {row.seam:4.2f}  "
        f"{row.seconds:5.2f} s  {row.cpu:5.2f} s of CPU"
    )


def summary(rows: list[Row]) -> list[str]:
    """The table for the documents, over all local pairs and per model."""
    local = [row for row in rows if row.local]
    world = [row for row in rows if not row.local]
    out = [
        "",
        "| Model | Pairs | Kept whole | Identical, of keepable | Leak, mean (over 0.03) | Recall, mean (least) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    models = sorted({row.model.split(" (")[0] for row in local})
    for model in [*models, None] if local else []:
        some = [row for row in local if model is None or row.model.split(" (")[0] == model]
        out.append(table_row(model or "**All**", some))
    out.append("")
    if world:
        out.append(f"Whole-frame edits recognised: {sum(row.whole for row in world)} of {len(world)}.")
    seams = [row.seam for row in local if not math.isnan(row.seam)]
    times, cpu = [row.seconds for row in rows], [row.cpu for row in rows]
    if seams:
        out.append(f"Seam: mean {np.mean(seams):.2f}, largest {max(seams):.2f}.")
    if times:
        out.append(f"Time: mean {np.mean(times):.2f} s, {np.mean(cpu):.2f} s of CPU; median {np.median(cpu):.2f} s.")
    return out


def table_row(model: str, rows: list[Row]) -> str:
    drawn = [row for row in rows if not math.isnan(row.leak)]
    seen = [row.recall for row in drawn if not math.isnan(row.recall)]

    def mean(values: list[float]) -> str:
        return f"{np.mean(values):.3f}" if values else "–"

    high = sum(row.leak > 0.03 for row in drawn)
    return (
        f"| {model} | {len(rows)} | {sum(row.whole for row in rows)} "
        f"| {mean([r.identical for r in drawn])} of {mean([r.keepable for r in drawn])} "
        f"| {mean([r.leak for r in drawn])} ({high}) | {mean(seen)} ({f'{min(seen):.3f}' if seen else '–'}) |"
    )


def write_sheet(folder: Path, pair: Pair, locked, row: Row) -> None:
    """Photo, answer, mask over shape (green: both, red: only drawn, blue: only found), result."""
    folder.mkdir(parents=True, exist_ok=True)
    size = pair.before.shape[1::-1]
    over = (pair.before * 0.4).astype(np.uint8)
    shape = pair.shape if pair.shape is not None else np.zeros(size[::-1], bool)
    if locked.change_mask.shape == shape.shape:
        mask = locked.change_mask >= 128
        over[shape & mask], over[shape & ~mask], over[~shape & mask] = (0, 200, 0), (150, 40, 40), (60, 60, 255)
    panels = [pair.before, pair.after, over, locked.pixels[..., :3]]
    sheet = np.hstack([cv2.resize(np.ascontiguousarray(p), size, interpolation=cv2.INTER_AREA) for p in panels])
    factor = min(1.0, 2400 / sheet.shape[1])
    sheet = cv2.resize(sheet, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    sheet = cv2.copyMakeBorder(sheet, 22, 0, 0, 0, cv2.BORDER_CONSTANT)
    cv2.putText(sheet, line(row), (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    cv2.imwrite(str(folder / f"{row.name}.png"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
