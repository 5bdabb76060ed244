"""Seconds and peak memory of each family of the built-in engine, cold and warm, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

CASES = (
    ("tone", "china.jpg", "make it warmer", 0.15),
    ("style", "china.jpg", "turn it into a watercolour", None),
    ("painterly", "china.jpg", "in the style of Van Gogh", None),
    ("recolour", "flower.jpg", "make the flower blue", 2.0),
    ("by name", "chelsea.png", "make the cat blue", 2.0),
    ("background", "flower.jpg", "blur the background", None),
    ("scene", "flower.jpg", "change the background to a beach", None),
    ("sky", "china.jpg", "make the sky stormy", 1.5),
    ("weather", "china.jpg", "add falling snow", None),
    ("text", "sign", "replace “OPEN” with “CLOSED”", 6.0),
    ("removal", "flower.jpg", "remove the flower", 4.0),
)
"""Family, photo, instruction, and the seconds that a warm edit at 1 MP may take, where that was promised."""
PEAK_MB = 1000
WARM_RUNS = 3

ONE = """
import asyncio, json, resource, sys, threading, time
from kontext_ui.backends.base import EditTask
from kontext_ui.backends.basic import BasicBackend
from kontext_ui.edits import EditRequest, Tier
from tests.bench.bench_builtin import picture

pixels = picture(sys.argv[1], float(sys.argv[3]))
lag = 0.0

async def beat():
    global lag
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        lag = max(lag, time.perf_counter() - began - 0.005)

async def once():
    request = EditRequest(sys.argv[2], Tier.LOCAL, "builtin")
    heart = asyncio.create_task(beat())
    began = time.perf_counter()
    async for _ in BasicBackend().edit(request, EditTask("bench", input_image=pixels)):
        pass
    heart.cancel()
    return time.perf_counter() - began

times = [asyncio.run(once()) for _ in range(1 + int(sys.argv[4]))]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
print(json.dumps({"cold": times[0], "warm": sorted(times[1:])[len(times[1:]) // 2], "peak": peak, "lag": lag}))
"""


def picture(name: str, megapixels: float):
    """A photo that a package ships, or a drawn sign."""
    from tests.unit.basic.photos import photo, sign

    return sign(megapixels) if name == "sign" else photo(name, megapixels)


def main() -> None:
    print("\nBuilt-in engine, one process per row; warm is the median of", WARM_RUNS)
    print(f"{'family':<12}{'size':>6}{'cold':>9}{'warm':>9}{'target':>9}{'peak':>10}{'loop lag':>10}")
    for megapixels in (1.0, 12.0):
        for family, name, instruction, target in CASES:
            command = [sys.executable, "-c", ONE, name, instruction, str(megapixels), str(WARM_RUNS)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                print(f"{family:<12}{megapixels:>4.0f} MP  failed: {done.stderr.strip().splitlines()[-1][:90]}")
                continue
            told = json.loads(done.stdout.strip().splitlines()[-1])
            wanted = f"{target:.2f} s" if target and megapixels == 1 else ""
            print(
                f"{family:<12}{megapixels:>4.0f} MP{told['cold']:>7.2f} s{told['warm']:>7.2f} s{wanted:>9}"
                f"{told['peak']:>7.0f} MB{told['lag'] * 1000:>7.0f} ms"
            )
    print(f"Peak memory is that of the whole process; the promise is under {PEAK_MB} MB at 1 MP.")
