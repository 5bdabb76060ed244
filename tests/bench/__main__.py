"""All benchmarks, as tables with ratios from one run: ``python -m tests.bench [name …]``."""

import importlib
import sys

DEFAULT = ("turn", "page", "history", "process", "lock", "builtin", "inflight")

if __name__ == "__main__":
    for name in sys.argv[1:] or DEFAULT:
        main = importlib.import_module(f"tests.bench.bench_{name}").main
        main(["--quick"]) if name == "lock" else main()
