"""All benchmarks, as tables with ratios from one run: ``python -m tests.bench [name …]``.

``python -m tests.bench pairs FOLDER …`` takes arguments of its own.
"""

import importlib
import sys

DEFAULT = ("turn", "page", "history", "process", "lock", "builtin", "inflight")

if __name__ == "__main__":
    if sys.argv[1:2] == ["pairs"]:
        importlib.import_module("tests.bench.bench_pairs").main(sys.argv[2:])
        sys.exit()
    for name in sys.argv[1:] or DEFAULT:
        main = importlib.import_module(f"tests.bench.bench_{name}").main
        main(["--quick"]) if name == "lock" else main()
