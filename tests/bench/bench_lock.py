"""The pixel lock's table: how much of an edit comes over, how much leaks, and how long it takes.

python tests/bench/bench_lock.py            every photo, every edit, 1 and 12 megapixels
python tests/bench/bench_lock.py --quick    a third of it
python tests/bench/bench_lock.py --pictures FOLDER   also writes the worst cases, to look at
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from kontext_ui.images.lock import bring_back
from tests import drift


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--pictures", type=Path)
    options.add_argument("--megapixels", type=float, nargs="*", default=[1.0, 12.0])
    options.add_argument("--photos", nargs="*", default=list(drift.PHOTOS))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--share", type=float, nargs=2, default=[0.01, 0.08], help="of the frame, of local edits")
    options.add_argument("--harder", type=float, default=1.0, help="factor on the drift's movement")
    options.add_argument("--wobble", type=float, default=0.0, help="uneven displacement in pixels, beyond the targets")
    given = options.parse_args(arguments)
    given.photos = given.photos[::3] if given.quick else given.photos
    rows = []
    for megapixels in given.megapixels:
        for index, name in enumerate(given.photos):
            for kind in (*drift.LOCAL_EDITS, *drift.GLOBAL_EDITS):
                row = measure(name, megapixels, kind, 1000 * given.seed + 31 * index + len(kind), given)
                # An answer that shows nothing new can be judged neither as local nor as global.
                if row["score"].visible > (0.0005 if kind in drift.LOCAL_EDITS else 0.1):
                    rows.append(row)
    report(rows)
    if given.pictures:
        pictures(rows, given)


def simulated(name: str, megapixels: float, kind: str, seed: int, given: argparse.Namespace) -> drift.Case:
    drifted = drift.stronger(drift.random_drift(np.random.default_rng(seed + 7)), given.harder)
    drifted = replace(drifted, wobble=given.wobble)
    return drift.simulate(drift.photo(name, megapixels), kind, seed, drifted, share=tuple(given.share))


def measure(name: str, megapixels: float, kind: str, seed: int, given: argparse.Namespace) -> dict:
    case = simulated(name, megapixels, kind, seed, given)
    start = time.perf_counter()
    locked = bring_back(case.parent, case.answer, case.fit)
    seconds = time.perf_counter() - start
    score = drift.judge(case, locked)
    return {"photo": name, "mp": megapixels, "kind": kind, "seed": seed, "score": score, "s": seconds}


def report(rows: list[dict]) -> None:
    print(
        f"{'photo':24} {'MP':>4} {'edit':10} {'recall':>7} {'leak':>8} {'exact':>6} {'seam':>5} {'whole':>5} {'s':>5}"
    )
    for row in rows:
        score = row["score"]
        print(
            f"{row['photo']:24} {row['mp']:4.0f} {row['kind']:10} {score.recall:7.3f} {score.leak:8.5f} "
            f"{score.exact:6.3f} {score.seam:5.2f} {score.whole!s:>5} {row['s']:5.2f}"
        )
    groups = defaultdict(list)
    for row in rows:
        groups[row["mp"], row["kind"]].append(row)
    print()
    for (megapixels, kind), some in groups.items():
        local = kind in drift.LOCAL_EDITS
        right = np.mean([row["score"].whole != local for row in some])
        scores = [row["score"] for row in some]
        text = (
            f"{megapixels:4.0f} MP {kind:10} recognised {right:5.0%}  median {np.median([r['s'] for r in some]):.2f} s"
        )
        if local:
            text += f"  recall mean {np.mean([s.recall for s in scores]):.4f} min {min(s.recall for s in scores):.3f}"
            text += f"  leak mean {np.mean([s.leak for s in scores]):.5f} max {max(s.leak for s in scores):.4f}"
            text += f"  seam max {max(s.seam for s in scores):.2f}"
        print(text)
    for megapixels in sorted({row["mp"] for row in rows}):
        local = [r for r in rows if r["mp"] == megapixels and r["kind"] in drift.LOCAL_EDITS]
        world = [r for r in rows if r["mp"] == megapixels and r["kind"] in drift.GLOBAL_EDITS]
        s = [r["score"] for r in local]
        times = [r["s"] for r in local + world]
        print(
            f"{megapixels:.0f} MP, {len(local)} local and {len(world)} global edits: "
            f"recall {np.mean([x.recall for x in s]):.4f} (≥ 0.97 in {np.mean([x.recall >= 0.97 for x in s]):.0%}), "
            f"leak {np.mean([x.leak for x in s]):.5f} (≤ 0.001 in {np.mean([x.leak <= 0.001 for x in s]):.0%}), "
            f"exact {min(x.exact for x in s):.3f}, "
            f"seam mean {np.mean([x.seam for x in s]):.2f}, max {max(x.seam for x in s):.2f}, "
            f"local kept local {np.mean([not x.whole for x in s]):.0%}, "
            f"global recognised {np.mean([r['score'].whole for r in world]) if world else 1:.0%}, "
            f"time median {np.median(times):.2f} s, max {max(times):.2f} s"
        )


def pictures(rows: list[dict], given: argparse.Namespace) -> None:
    """Parent, answer, result, and mask over truth (green: both, red: missed, blue: extra) of the worst cases."""
    folder = given.pictures
    folder.mkdir(parents=True, exist_ok=True)
    local = [r for r in rows if r["kind"] in drift.LOCAL_EDITS and r["mp"] <= 2]
    worst = sorted(local, key=lambda r: (r["score"].whole, 1 - r["score"].recall + 20 * r["score"].leak))[-12:]
    for row in worst:
        case = simulated(row["photo"], row["mp"], row["kind"], row["seed"], given)
        locked = bring_back(case.parent, case.answer, case.fit)
        size = case.parent.shape[1::-1]
        truth = cv2.resize(case.truth.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        mask = locked.change_mask >= 128
        over = (case.parent * 0.4).astype(np.uint8)
        over[truth & mask], over[truth & ~mask], over[~truth & mask] = (0, 200, 0), (255, 40, 40), (60, 60, 255)
        answer = cv2.resize(case.answer, size)
        sheet = np.vstack([np.hstack([case.parent, answer]), np.hstack([locked.pixels[..., :3], over])])
        target = folder / f"{row['photo'].split('.')[0]}-{row['kind']}.png"
        cv2.imwrite(str(target), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
