"""Records as JSON: the words for what JSON has no number for."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np


def jsonable(value: Any) -> Any:
    """``value`` with NaN and infinities as ``"NaN"``, ``"Infinity"``, ``"-Infinity"`` and numpy's types as Python's."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return [jsonable(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return jsonable(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


def to_json(value: Any) -> str:
    """``value`` as indented JSON text that every parser reads."""
    return json.dumps(jsonable(value), indent=2, ensure_ascii=True, allow_nan=False)
