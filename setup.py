"""The compiled scanner, which an installation can do without; everything else is in setup.cfg."""

from __future__ import annotations

import sys

from setuptools import Extension, setup

SOURCES = [f"replay/scanner/{name}.c" for name in ("collector", "crc32c", "module", "wire")]
HEADERS = [f"replay/scanner/{name}.h" for name in ("collector", "crc32c", "cursor", "wire")]
HOW = ["/std:c11"] if sys.platform == "win32" else ["-std=c11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra"]

setup(
    ext_modules=[
        Extension(
            "cbreplay._scanner",
            SOURCES,
            depends=HEADERS,
            extra_compile_args=HOW,
            optional=True,  # without a compiler the Python reader does the same work
        )
    ]
)
