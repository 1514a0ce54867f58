"""How long the command takes to start, beside the bare imports that it cannot do without, alternating.

    python benchmarks/startup.py            # in an environment with cbreplay installed, from the project's folder

Each line is the median of several processes of their own, from their start to their end.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

_COMMAND = str(Path(sys.executable).with_name("cbreplay"))
_MEASURED = {
    "python alone": [sys.executable, "-c", "pass"],
    "import click": [sys.executable, "-c", "import click"],
    "cbreplay --help": [_COMMAND, "--help"],
    "cbreplay analyze --help": [_COMMAND, "analyze", "--help"],
    "import numpy, pandas": [sys.executable, "-c", "import numpy, pandas"],
    "cbreplay analyze sample_logs --no-plots": [_COMMAND, "analyze", "sample_logs", "--no-plots"],
    "cbreplay tune sample_logs --no-plots": [_COMMAND, "tune", "sample_logs", "--no-plots"],
    "import numpy, pandas, matplotlib.pyplot": [sys.executable, "-c", "import numpy, pandas, matplotlib.pyplot"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=11)
    repeat = parser.parse_args().repeat
    seconds: dict[str, list[float]] = {name: [] for name in _MEASURED}
    for turn in range(repeat + 1):
        for name, words in _MEASURED.items():
            began = time.perf_counter()
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if turn:  # the first one fills the caches of the system
                seconds[name].append(time.perf_counter() - began)
    print(f"{platform.machine()}, Python {platform.python_version()}, median of {repeat}")
    for name, measured in seconds.items():
        print(f"{1000 * statistics.median(measured):7.0f} ms  {name}")


if __name__ == "__main__":
    main()
