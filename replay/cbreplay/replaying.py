"""Run x policy -> Outcome: the callbacks' hooks in the order in which ``fit`` calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .disagreeing import disagreements
from .errors import CallbackError, ParameterError
from .judging import doubts, judge
from .monitors import with_monitors
from .outcome import (
    Alternative,
    CallbackRecord,
    EarlyStoppingRecord,
    ModelCheckpointRecord,
    Outcome,
    ReduceLROnPlateauRecord,
    Verdict,
)
from .prepared import Epochs, Prepared, prepare
from .rules.base import Callback, Logs, Rule, Setting, SimulatedTraining, as_float32
from .rules.keras import ModelCheckpoint
from .rules.keras.relevance import answer_key, relevant_flags
from .rules.profiles import Profile, other_profiles, profile_for
from .run import Run

if TYPE_CHECKING:
    import pandas as pd

BatchLogs = Sequence[Sequence[Logs]]

#: Runs longer than this are replayed under one generation alone.
_MAX_COMPARED_EPOCHS = 5000

_NUMBERS = (int, float, np.integer, np.floating)


def replay(
    run: Run | pd.DataFrame | Iterable[Logs],
    callbacks: Rule | Sequence[Rule],
    *,
    profile: str = "auto",
    compiled_metrics: Mapping[str, str | None] | None = None,
    batch_logs: BatchLogs | None = None,
    steps_per_epoch: int | None = None,
    initial_epoch: int | None = None,
    planned_epochs: int | None = None,
    learning_rate: float | None = None,
    metrics: Mapping[str, str] | None = None,
) -> Outcome:
    """Replay callbacks, in the given order, on one training.

    ``run`` is a :class:`Run`, a DataFrame with a column per metric and a row per epoch, or an iterable of
    Keras' ``logs``, a dict per epoch. ``compiled_metrics`` maps a metric's own name to ``"up"``, ``"down"``
    or None (Keras 3 asks it for ``mode="auto"``). ``batch_logs`` (per epoch a list of per-batch logs) or
    ``steps_per_epoch`` (or a run whose log tells it) are needed for an integer ``save_freq``. ``initial_epoch``
    is the 0-based number of the first epoch of a list or DataFrame. ``planned_epochs`` says how many epochs the
    training was to run. ``learning_rate`` is the rate at the start, for ReduceLROnPlateau. ``metrics`` says which
    metric of a run to take for a monitor; without it :func:`cbreplay.monitors.with_monitors` tells.

    Each session of a resumed run is replayed with fresh callbacks, as a new process has them.

    Raises a :class:`CallbackError` where the original would have raised, :class:`ParameterError` where a
    question cannot be answered from what was given.
    """
    rules = _as_rules(callbacks)
    if isinstance(run, Run):
        run = with_monitors(run, (metric for rule in rules for metric in rule.watches()), metrics)
    prepared = prepare(run, initial_epoch, planned_epochs)
    evidence = prepared.run.release
    resolved, why = profile_for(profile, evidence)
    rate = _first_rate(prepared.run, learning_rate)
    steps = prepared.run.steps_per_epoch if steps_per_epoch is None else steps_per_epoch

    def replay_as(era: Profile) -> Outcome:
        return _replay(prepared, rules, (era, why), Setting(compiled_metrics), rate, batch_logs, steps)

    outcome = replay_as(resolved)
    if profile != "auto":
        return outcome
    others = other_profiles(resolved, evidence) if prepared.run.epochs <= _MAX_COMPARED_EPOCHS else []
    return replace(
        outcome, alternatives=_alternatives(outcome, _different(resolved, others, rules, prepared), replay_as)
    )


def _different(
    taken: Profile, others: Sequence[Profile], rules: Sequence[Rule], prepared: Prepared
) -> list[list[Profile]]:
    """The other generations that can decide differently, those that cannot differ from each other together."""
    seen = [[logs for fit in prepared.fits for _, logs in fit]] * len(rules)
    values = [
        [logs.get(str(rule.parameters().get("monitor"))) for logs in rows]
        for rule, rows in zip(rules, seen, strict=True)
    ]
    flags = relevant_flags(rules, values)
    groups: dict[tuple[object, ...], list[Profile]] = {}
    for profile in others:
        groups.setdefault(answer_key(profile, flags), []).append(profile)
    groups.pop(answer_key(taken, flags), None)
    return list(groups.values())


def _attempt(replay_as: Callable[[Profile], Outcome], profile: Profile) -> Outcome | None:
    """The outcome under another generation; None where that generation could not have run these callbacks."""
    try:
        return replay_as(profile)
    except CallbackError as error:
        return None if error.epoch < 0 else error.outcome
    except ParameterError:
        return None


def _alternatives(
    outcome: Outcome, groups: Sequence[Sequence[Profile]], replay_as: Callable[[Profile], Outcome]
) -> tuple[Alternative, ...]:
    """The answers that differ from ``outcome``, each with the generations that give it."""
    answers: dict[tuple[object, ...], tuple[Outcome, list[str]]] = {}
    for group in groups:
        other = _attempt(replay_as, group[0])
        if other is not None and _answer(other) != _answer(outcome):
            answers.setdefault(_answer(other), (other, []))[1].extend(profile.name for profile in group)
    return tuple(
        Alternative(
            profiles=tuple(names),
            verdict=other.verdict,
            stopped_epoch=other.stopped_epoch,
            best_epoch=other.best_epoch,
            restored_epoch=other.restored_epoch,
            files=other.files,
            reason=other.reason,
        )
        for other, names in answers.values()
    )


def _answer(outcome: Outcome) -> tuple[object, ...]:
    files = (tuple(sorted(outcome.files.items())), tuple(sorted(outcome.file_weights.items())))
    return outcome.verdict, outcome.stopped_epoch, outcome.best_epoch, outcome.restored_epoch, files


def _replay(
    prepared: Prepared,
    rules: Sequence[Rule],
    profile: tuple[Profile, str],
    setting: Setting,
    learning_rate: float | None,
    batch_logs: BatchLogs | None,
    steps_per_epoch: int | None,
) -> Outcome:
    training = SimulatedTraining(learning_rate=learning_rate)
    records: tuple[CallbackRecord, ...] = ()
    started: list[Callback] = []
    try:
        for training.fit, fit in enumerate(prepared.fits):
            started = []
            started = [rule.start(profile[0], setting) for rule in rules]
            training.stop_training = False
            training.restored_epoch = None
            _fit(fit, started, training, _Batches(rules, batch_logs, steps_per_epoch), profile[0], _Lost(prepared.run))
            records = _join_records(records, started)
            if training.stop_training:
                break
    except CallbackError as error:
        records = _join_records(records, started)
        error.outcome = _outcome(prepared.run, profile, training, records, crashed=str(error))
        raise
    return _outcome(prepared.run, profile, training, records)


def replay_fits(
    fits: Iterable[Run | pd.DataFrame | Iterable[Logs]],
    callbacks: Rule | Sequence[Rule],
    *,
    profile: str = "auto",
    compiled_metrics: Mapping[str, str | None] | None = None,
    planned_epochs: int | None = None,
    learning_rate: float | None = None,
) -> list[Outcome]:
    """Replay one set of callback objects over several fits, as when they are passed to ``fit`` again.

    What an object carries over (best, best weights) depends on the release. The outcomes count files and
    writes of their own fit alone. Other arguments and errors as for :func:`replay`.
    """
    rules = _as_rules(callbacks)
    resolved, why = profile_for(profile)
    objects = [rule.start(resolved, Setting(compiled_metrics)) for rule in rules]
    outcomes: list[Outcome] = []
    rate: float | None = None
    for fit in fits:
        prepared = prepare(fit, None, planned_epochs)
        training = SimulatedTraining(
            learning_rate=rate if rate is not None else _first_rate(prepared.run, learning_rate)
        )
        epochs = [epoch for session in prepared.fits for epoch in session]
        try:
            _fit(epochs, objects, training, _Batches(rules, None, None), resolved, _Lost(prepared.run))
        except CallbackError as error:
            records = _join_records((), objects)
            error.outcome = _outcome(prepared.run, (resolved, why), training, records, crashed=str(error))
            error.earlier = tuple(outcomes)
            raise
        rate = training.learning_rate  # the optimizer keeps it
        outcomes.append(_outcome(prepared.run, (resolved, why), training, _join_records((), objects)))
    return outcomes


def _as_rules(callbacks: Rule | Sequence[Rule]) -> list[Rule]:
    rules = [callbacks] if isinstance(callbacks, Rule) else list(callbacks)
    for rule in rules:
        if not isinstance(rule, Rule):
            raise ParameterError(f"callbacks must be rules such as cbreplay.EarlyStopping, got {type(rule).__name__}")
    return rules


def _first_rate(run: Run, given: float | None) -> float | None:
    """The learning rate at the start as float32 holds it: the given one, else the first that was logged."""
    if given is None:
        logged = next((run.table[name] for name in ("learning_rate", "lr") if name in run.table), None)
        given = None if logged is None else float(logged.value[0])
    return None if given is None else as_float32(given)


class _Lost:
    """Epochs whose values the log of a run lacks: no callback is asked what it would have done with them."""

    def __init__(self, run: Run) -> None:
        self._run = run if run.sources else None  # a list holds all that the callbacks saw
        self._of: dict[str, frozenset[int]] = {}
        self.everything = frozenset(run.unlogged_epochs if run.sources else ())

    def of(self, callback: Callback) -> frozenset[int]:
        """Those that matter for a callback: a checkpoint that always saves needs no monitor."""
        rule = callback.rule
        monitor = rule.parameters().get("monitor")
        if self._run is None or monitor is None or rule.parameters().get("save_best_only") is False:
            return self.everything
        if monitor not in self._of:
            self._of[monitor] = frozenset(self._run.lost_epochs(monitor))
        return self._of[monitor]


class _Batches:
    """Where the per-batch logs of an epoch come from, or the refusal when they are needed and not there."""

    def __init__(self, rules: Sequence[Rule], logs: BatchLogs | None, steps: int | None) -> None:
        self._logs = logs
        self._steps = steps
        by_batch = [rule for rule in rules if isinstance(rule, ModelCheckpoint) and rule.save_freq != "epoch"]
        self._wanted = any(isinstance(rule.save_freq, int) for rule in by_batch)
        if not self._wanted or logs is not None:
            return
        if steps is None:
            raise ParameterError(
                f"save_freq={by_batch[0].save_freq!r} counts batches: give steps_per_epoch (or batch_logs)"
            )
        for rule in by_batch:
            if rule.save_best_only or not _names_without_metrics(rule.filepath):
                raise ParameterError(
                    "save_best_only and metric names in filepath need the logs of each batch with an integer "
                    "save_freq: give batch_logs"
                )

    def of(self, index: int) -> Sequence[Logs]:
        if not self._wanted:
            return ()
        if self._logs is not None:
            return self._logs[index] if index < len(self._logs) else ()
        return [{}] * (self._steps or 0)


def _names_without_metrics(filepath: str) -> bool:
    from string import Formatter

    try:
        fields = {name.split(".")[0].split("[")[0] for _, name, _, _ in Formatter().parse(filepath) if name is not None}
    except ValueError:
        return False
    return fields <= {"epoch", "batch"}


def _fit(
    epochs: Epochs,
    callbacks: Sequence[Callback],
    training: SimulatedTraining,
    batches: _Batches,
    profile: Profile,
    lost: _Lost,
) -> None:
    for callback in callbacks:
        callback.on_train_begin(training)
    unknown = [lost.of(callback) for callback in callbacks]
    for index, (epoch, logs) in enumerate(epochs):
        training.epoch = epoch
        in_epoch = batches.of(index)
        for batch, batch_logs in enumerate(in_epoch):
            training.weights_epoch = epoch if batch == len(in_epoch) - 1 else None  # None: in the middle of an epoch
            for callback in callbacks:
                callback.on_train_batch_end(batch, batch_logs, training)
            if training.stop_training:
                break
        training.weights_epoch = epoch
        if epoch in lost.everything:
            continue  # what the callbacks saw there is not known
        seen = dict(logs)  # one dict for all callbacks: what one puts in, those behind it see
        if profile.hands_out_floats:
            seen = {name: float(value) if isinstance(value, _NUMBERS) else value for name, value in seen.items()}
        for callback, without in zip(callbacks, unknown, strict=True):
            if epoch not in without:
                callback.on_epoch_end(epoch, seen, training)
        if training.stop_training:
            break
    for callback in callbacks:
        callback.on_train_end(training)


def _join_records(earlier: tuple[CallbackRecord, ...], callbacks: Sequence[Callback]) -> tuple[CallbackRecord, ...]:
    """The records of the newest session, with the traces and writes of the sessions before it in front."""
    records = [callback.record() for callback in callbacks]
    if not earlier or not records:
        return tuple(records) or earlier
    joined: list[CallbackRecord] = []
    for old, new in zip(earlier, records, strict=True):
        if isinstance(new, EarlyStoppingRecord) and isinstance(old, EarlyStoppingRecord):
            joined.append(replace(new, trace=(*old.trace, *new.trace)))
        elif isinstance(new, ModelCheckpointRecord) and isinstance(old, ModelCheckpointRecord):
            joined.append(replace(new, writes=(*old.writes, *new.writes)))
        elif isinstance(new, ReduceLROnPlateauRecord) and isinstance(old, ReduceLROnPlateauRecord):
            joined.append(replace(new, learning_rates=(*old.learning_rates, *new.learning_rates)))
        else:
            joined.append(new)
    return tuple(joined)


def _outcome(
    run: Run,
    profile: tuple[Profile, str],
    training: SimulatedTraining,
    records: tuple[CallbackRecord, ...],
    crashed: str = "",
) -> Outcome:
    verdict: Verdict = "undecided"
    reason = crashed
    if not crashed:
        verdict, reason = judge(run, records)
    return Outcome(
        run=run,
        profile=profile[0],
        profile_reason=profile[1],
        verdict=verdict,
        reason=reason,
        callbacks=records,
        restored_epoch=training.restored_epoch,
        files=dict(training.files),
        file_weights=dict(training.file_weights),
        writes=tuple(training.writes),
        fits_of_writes=tuple(training.fits_of_writes),
        deletes=(),
        warnings=tuple(training.warnings),
        notes=(*training.notes, *disagreements(records, training), *doubts(run, records)),
    )
