"""Runs recorded cases of the real callbacks through ``replay`` and lists what differs.

A folder of cases is named by the environment variable ``CBREPLAY_ORACLE``; the default is a sample beside
the tests. The format: one JSON object a line in ``*.jsonl.gz``, with ``params``, ``logs`` and ``expect``.
"""

from __future__ import annotations

import gzip
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cbreplay as cb
from cbreplay.outcome import ReduceLROnPlateauRecord

FOLDER = Path(os.environ.get("CBREPLAY_ORACLE") or Path(__file__).parents[1] / "data" / "oracle")

#: The metrics of the recorded Keras 3 models, with the direction that they declare.
COMPILED: dict[str, dict[str, str | None]] = {
    "none": {},
    "acc": {"accuracy": "up"},
    "acc_str": {"acc": "up"},
    "mae": {"mae": "down"},
    "auc": {"auc": "up"},
    "many": {"accuracy": "up", "mae": "down", "auc": "up", "precision": "up", "top5": "up"},
    "custom": {"f1": None, "score": None},
    "mse_r2": {"mse": "down", "r2_score": "up"},
    "two_out": {"accuracy": "up", "mae": "down"},
    "iou": {"mean_iou": "up", "cosine": "up"},
    "lossname": {"loss_extra": "down"},
    "topk": {"top_k_categorical_accuracy": "up", "sparse_categorical_crossentropy": "down"},
}

_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
KERAS = ("keras", "tf.keras", "tf_keras")


@dataclass
class Tally:
    """Matched and total cases of one release, and for each field what differed."""

    total: int = 0
    matched: int = 0
    differences: list[str] = field(default_factory=list)


def cases(folder: Path) -> Iterator[dict[str, Any]]:
    """Every case of the callbacks that ``replay`` knows."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                case = json.loads(line)
                rules = case["callback"].split("+")
                if case["framework"] in KERAS and all(hasattr(cb, rule) for rule in rules):
                    yield _numbers(case)


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return _NUMBERS.get(value, value) if isinstance(value, str) else value


def differences(case: dict[str, Any]) -> list[str]:
    """The fields in which a replay differs from what the real objects did."""
    params = case["params"] if "+" in case["callback"] else {case["callback"]: case["params"]}
    rules = [getattr(cb, name)(**params[name]) for name in case.get("order") or params]
    outcomes, error = _replay(case, rules)
    expected_error = case["expect"]["error"] or case["expect"].get("second_fit", {}).get("error")
    found = [] if error is None else [error.type_name, error.epoch]
    wanted = [] if expected_error is None else [expected_error["type"], expected_error["epoch"]]
    result = [] if found == wanted else [f"error {found} instead of {wanted}"]
    for expect, outcome in zip([case["expect"], case["expect"].get("second_fit")], outcomes, strict=False):
        if expect is not None:
            shown = _shown(outcome)
            result += [
                f"{name} {shown[name]!r} instead of {expect[name]!r}"
                for name in shown
                if name in expect and not _same(shown[name], expect[name])
            ]
    return result


def _replay(case: dict[str, Any], rules: list[Any]) -> tuple[list[cb.Outcome], cb.CallbackError | None]:
    settings: dict[str, Any] = {
        "profile": f"{case['framework']}-{case['version']}",
        "learning_rate": case.get("lr"),
    }
    if case["framework"] == "keras" and case["version"].startswith("3"):
        settings["compiled_metrics"] = COMPILED[case["model"]]
    try:
        if "logs2" in case:
            return cb.replay_fits([case["logs"], case["logs2"]], rules, **settings), None
        outcome = cb.replay(case["logs"], rules, batch_logs=case.get("batch_logs"), **settings)
    except cb.CallbackError as error:
        return [*error.earlier, *([error.outcome] if error.outcome is not None else [])], error
    return [outcome], None


def _shown(outcome: cb.Outcome) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "stopped_epoch": outcome.stopped_epoch,
        "restored_epoch": outcome.restored_epoch,
        "files": outcome.files,
        "writes": [list(write) for write in outcome.writes],
        "file_weights": outcome.file_weights,
    }
    if outcome.early_stopping is not None:
        attributes = outcome.attributes
        shown |= {name: attributes[name] for name in ("best_epoch", "best", "wait")}
        shown["cb_stopped_epoch"] = attributes["stopped_epoch"]
        if outcome.checkpoint is not None:
            shown["checkpoint_best"] = outcome.checkpoint.best
    elif outcome.checkpoint is not None:
        shown["best"] = outcome.checkpoint.best
    for record in outcome.callbacks:
        if isinstance(record, ReduceLROnPlateauRecord):
            shown |= {"best": record.best, "lrs": list(record.learning_rates)}
    return shown


def _same(a: Any, b: Any) -> bool:
    both_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return both_nan or a == b


def tally(folder: Path) -> dict[str, Tally]:
    """All cases of a folder, by release."""
    result: dict[str, Tally] = {}
    for case in cases(folder):
        release = result.setdefault(f"{case['framework']} {case['version']}", Tally())
        release.total += 1
        different = differences(case)
        release.matched += not different
        release.differences += [f"{case['id']}: {text}" for text in different]
    return result
