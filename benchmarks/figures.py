"""How long each figure takes: made and written as PNG, the import of matplotlib apart.

    python benchmarks/figures.py            # from the project's folder

The runs are those of tests/data/tune; each line is the median of several figures.
"""

from __future__ import annotations

import argparse
import io
import platform
import statistics
import time
from collections.abc import Callable

import cbreplay as cb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    began = time.perf_counter()
    import cbreplay.plots  # noqa: F401

    print(f"{platform.machine()}, Python {platform.python_version()}, median of {repeat}")
    print(f"{1000 * (time.perf_counter() - began):7.0f} ms  import of all that draws")
    for name, draw in _figures().items():
        seconds = []
        for turn in range(repeat + 1):
            began = time.perf_counter()
            figure = draw()
            figure.savefig(io.BytesIO(), format="png")
            if turn:  # the first one reads the fonts
                seconds.append(time.perf_counter() - began)
        print(f"{1000 * statistics.median(seconds):7.0f} ms  {name}")


def _figures() -> dict[str, Callable[[], object]]:
    runs = cb.load_runs("tests/data/tune")
    rule = cb.EarlyStopping("val_loss", patience=5, mode="min")
    outcomes = [cb.replay(run, rule) for run in runs]
    swept = cb.sweep(runs, monitor="val_loss")
    advice = cb.tune(runs)
    comparison = cb.compare(runs, {"5": rule, "10": cb.EarlyStopping("val_loss", patience=10, mode="min")})
    return {
        "one run": lambda: cb.plot_outcome(outcomes[0]),
        f"{len(runs)} runs side by side": lambda: cb.plot_comparison(outcomes),
        f"{len(runs)} runs, their gaps": lambda: cb.plot_gaps(comparison),
        "two policies": lambda: cb.plot_policies(comparison),
        "a sweep": lambda: cb.plot_sweep(swept),
        "the front of an advice": lambda: cb.plot_front(advice),
    }


if __name__ == "__main__":
    main()
