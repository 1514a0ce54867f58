"""What a report says: the analysis, the advice, and the sentences of its first page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..analysis import Analysis, RunAnalysis, analyze
from ..checkpoints import ExpectedFile
from ..explaining import explain
from ..plots.along import XAxis
from ..rules import ModelCheckpoint, StoppingRule
from ..run import Run
from ..text import duration, epoch_name, listed, number, plural, printable
from ..tuning import Advice, tune
from ..tuning.sentences import is_doubtful, loss, percent
from .provenance import Provenance, provenance_of

#: The version of the JSON that :meth:`Report.to_dict` gives.
SCHEMA = 1

_NOTHING = 0.005

#: The words of a report, for a reader who does not know the tool.
GLOSSARY = (
    ("stopped, completed, undecided", "the rule fires; it does not, and training is known to have reached its planned "
     "end; the log cannot tell"),
    ("saved", "logged epochs after the stop"),
    ("regret", "how much worse the best value up to the stop is than the best of the whole log: what is lost although "
     "the best weights are kept (ModelCheckpoint with save_best_only, or restore_best_weights)"),
    ("range", "the highest minus the lowest value of the run: regrets of tuning are shares of it"),
    ("miss their best", "runs whose regret is above the limit (with a budget: above 1% of the range)"),
    ("left open", "of all runs that have the monitor, those that the cell does not stop within their log"),
    ("held out", "chosen on all runs but one, tried on that one, in turn: what the next run has to expect. Of the "
     "advice that is the choice under its limit, of other rules the choice at its cost"),
    ("proved", "the weights in the file are those whose histograms the event files hold for that epoch"),
)  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One thing that the first page tells: a label, the answer in few words, a sentence behind it.

    ``kind`` is ``plain``, ``good``, ``warning`` or ``bad``.
    """

    label: str
    answer: str
    detail: str
    kind: str = "plain"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class RunRow:
    """A run in the table of the report; epochs are 0-based, ``saved`` counts epochs, ``seconds`` what they took.

    ``file`` is the last one that is kept, ``state`` what is known of it on disk, ``remarks`` how many there are.
    """

    name: str
    epochs: int
    verdict: str
    stopped_epoch: int | None
    best: float | None
    best_epoch: int | None
    saved: int | None
    seconds: float | None
    regret: float | None
    file: str | None
    file_epoch: int | None
    state: str
    remarks: int
    curve: tuple[float, ...]


@dataclass(frozen=True)
class Report:
    """An analysis and an advice, with where they come from; what every renderer takes.

    ``x_axis`` is that of the figures of runs, as for :func:`cbreplay.plot_outcome`.
    """

    title: str
    analysis: Analysis
    advice: Advice
    provenance: Provenance
    x_axis: XAxis = "epoch"

    @cached_property
    def rows(self) -> tuple[RunRow, ...]:
        """A row for each run, in their order."""
        return tuple(_row(item) for item in self.analysis.runs)

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """The answer: what was analysed, what the policy saves, what to use next, which file to use."""
        return tuple(
            fact for fact in (self._analysed(), self._policy(), self._advice(), self._best()) if fact is not None
        )

    @cached_property
    def attention(self) -> tuple[str, ...]:
        """What a reader must not miss: files that are not what they should be, damage, runs that cannot be decided."""
        found = []
        for item in self.analysis.runs:
            for file in _expected(item):
                if file.is_wrong:
                    found.append(f"{item.run.name}: {file.name} is {file.state}: {file.sentence}")
            if item.checkpoints is not None:
                found += [f"{item.run.name}: {lost.sentence}" for lost in item.checkpoints.overwritten]
            if item.problem is not None:
                found.append(f"{item.run.name}: {item.problem}")
        undecided = [row.name for row in self.rows if row.verdict == "undecided"]
        if undecided:
            found.append(f"{plural(len(undecided), 'run')} undecided, the log cannot tell: {listed(undecided, 5, 60)}")
        if self.analysis.damage:
            files = {item.path for item in self.analysis.damage}
            found.append(f"{plural(len(files), 'file')} with damage; what was lost is listed below")
        if self.analysis.skipped:
            found.append(f"{plural(len(self.analysis.skipped), 'file')} left out; the reasons are listed below")
        return tuple(found)

    def _analysed(self) -> Fact:
        epochs = sum(row.epochs for row in self.rows)
        times = [item.run.wall_times() for item in self.analysis.runs]
        seconds = [float(t[-1] - t[0]) for t in times if len(t) and np.isfinite(t[-1] - t[0])]
        took = f", {duration(sum(seconds))} of training" if sum(seconds) > 0 else ""
        verdicts = Counter(row.verdict for row in self.rows)
        told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
        return Fact("Analysed", plural(len(self.rows), "run"), f"{plural(epochs, 'epoch')}{took}: {told}")

    def _policy(self) -> Fact:
        stopped = [row for row in self.rows if row.verdict == "stopped"]
        saved = sum(row.saved or 0 for row in stopped)
        total = sum(row.epochs for row in self.rows)
        timed = [row for row in stopped if row.seconds]
        time = f", {duration(sum(row.seconds or 0.0 for row in timed))}" if timed else ""
        time += f" in the {len(timed)} that have times" if timed and len(timed) < len(stopped) else ""
        worse = [row for row in stopped if row.regret]
        cost = f"; {plural(len(worse), 'run')} would have missed a better epoch" if worse else "; none misses its best"
        stop = "stops" if len(stopped) == 1 else "stop"
        detail = f"of {plural(total, 'epoch')}: {len(stopped)} of {plural(len(self.rows), 'run')} {stop}"
        return Fact("This policy saves", plural(saved, "epoch") + time, detail + (cost if stopped else ""))

    def _advice(self) -> Fact:
        taken, advice = self.advice.recommended, self.advice
        if taken is None:
            return Fact("Next patience", "no advice", advice.refusal or "", "warning")
        regret = taken.regret.value if advice.held_out is None else advice.held_out.regret.value
        limit = advice.goal.kind == "max_regret" and regret > advice.goal.limit
        detail = f"would have saved {percent(taken.saved.value)} of the epochs of {plural(len(advice.used), 'run')}"
        detail += f"; mean regret on runs it has not seen {loss(advice, regret)}" + (
            ", above the limit" if limit else ""
        )
        if advice.current is not None:
            today = advice.current
            detail += (
                f"; this policy on the same runs: {percent(today.saved.value)}, {loss(advice, today.regret.value)}"
            )
        if taken.saved.value < _NOTHING:
            detail = "early stopping would save nothing on these runs; " + detail
        return Fact("Next patience", taken.words, detail, "warning" if is_doubtful(advice) else "good")

    def _best(self) -> Fact | None:
        """The best run, and the file that holds it where one is proved."""
        known = [row for row in self.rows if row.best is not None and np.isfinite(row.best)]
        modes = {outcome.mode for outcome in self.analysis.outcomes if outcome.mode is not None}
        if not known or len(modes) != 1:
            return None
        pick = max if modes == {"max"} else min
        best = pick(known, key=lambda row: float(row.best or 0.0))
        detail = f"{self.monitor} {number(best.best)} at epoch {epoch_name(best.best_epoch)}"
        if best.file is not None:
            detail += f"; {best.file}: {best.state}"
        return Fact("Best run", best.name, detail, "good" if best.state == "proved" else "plain")

    @cached_property
    def reasons(self) -> tuple[tuple[str, str], ...]:
        """Whose rules the runs were replayed under, each with the sentences that say why."""
        return tuple(dict.fromkeys((o.profile.name, o.profile_reason) for o in self.analysis.outcomes))

    @property
    def rules(self) -> str:
        """The profiles in short."""
        return listed(list(dict.fromkeys(name for name, _ in self.reasons)) or [self.analysis.profile], 3)

    @property
    def monitor(self) -> str:
        """The metric that the policy watches."""
        return str(self.analysis.early_stopping.parameters()["monitor"])

    def _traces(self) -> dict[str, list[dict[str, Any]]]:
        """Every look of the first stopping rule, by run; epochs are 0-based."""
        return {outcome.run.name: [look.to_dict() for look in explain(outcome)] for outcome in self.analysis.outcomes}

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict, schema 1: the answer, then ``analyze``'s and ``tune``'s objects, then the provenance."""
        return {
            "schema": SCHEMA, "cbreplay": __version__, "title": self.title,
            "facts": [fact.to_dict() for fact in self.facts], "attention": list(self.attention),
            "analysis": self.analysis.to_dict(), "advice": self.advice.to_dict(), "traces": self._traces(),
            "provenance": self.provenance.to_dict(),
        }  # fmt: skip


def make_report(
    logdir: str | Path,
    early_stopping: StoppingRule | None = None,
    model_checkpoint: ModelCheckpoint | None = None,
    *,
    title: str | None = None,
    command: str = "",
    x_axis: XAxis = "epoch",
    analyzing: Mapping[str, Any] | None = None,
    tuning: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Analyse ``logdir`` under a policy and tune on the same runs.

    ``analyzing`` are further arguments of :func:`cbreplay.analyze`, ``tuning`` of :func:`cbreplay.tune`; monitor,
    mode and profile are those of the policy. ``command`` is what repeats the report. Raises what those two raise.
    """
    further = dict(analyzing or {})
    analysis = analyze(logdir, early_stopping, model_checkpoint, progress=progress, **further)
    policy = analysis.early_stopping
    runs = [item.run for item in analysis.runs]
    advice = tune(
        runs, monitor=policy.monitor, mode=_mode(policy, analysis), current=policy,
        profile=further.get("profile", "auto"), metrics=further.get("metrics"), progress=progress, **(tuning or {}),
    )  # fmt: skip
    name = Path(logdir).resolve().name or str(logdir)
    return Report(
        title or f"Training report: {name}",
        analysis,
        advice,
        provenance_of(printable(command), _files(runs, analysis)),
        x_axis,
    )


def _mode(policy: StoppingRule, analysis: Analysis) -> str:
    """The policy's mode, or what the replays found where that is ``auto``."""
    modes = {outcome.mode for outcome in analysis.outcomes if outcome.mode is not None}
    return modes.pop() if policy.mode == "auto" and len(modes) == 1 else policy.mode


def _files(runs: Sequence[Run], analysis: Analysis) -> list[str]:
    """Logs first, then the checkpoints that were looked at."""
    logs = [source for run in runs for source in run.sources]
    return sorted(set(logs)) + sorted({disk.path for item in analysis.runs for disk in item.on_disk})


def _expected(item: RunAnalysis) -> tuple[ExpectedFile, ...]:
    return () if item.checkpoints is None else item.checkpoints.expected


def _row(item: RunAnalysis) -> RunRow:
    run, outcome = item.run, item.outcome
    remarks = len(run.damage) + len(run.notes) + (item.problem is not None)
    if outcome is None:
        return RunRow(
            run.name, run.epochs, "undecided", None, None, None, None, None, None, None, None, "", remarks, ()
        )  # fmt: skip
    kept = next(reversed(outcome.files), None)
    curve = run.values(outcome.monitor) if outcome.monitor in run.table else np.zeros(0)
    return RunRow(
        name=run.name, epochs=run.epochs, verdict=outcome.verdict, stopped_epoch=outcome.stopped_epoch,
        best=outcome.best, best_epoch=outcome.best_epoch, saved=outcome.epochs_saved, seconds=outcome.seconds_saved,
        regret=outcome.regret, file=kept, file_epoch=None if kept is None else outcome.files[kept],
        state=_state(item, kept), remarks=remarks + len(outcome.warnings) + len(outcome.notes),
        curve=tuple(curve.tolist()),
    )  # fmt: skip


@dataclass(frozen=True)
class FileLine:
    """A file that the replay leaves behind: which epoch (0-based) wrote it, whose weights it has, what is on disk."""

    name: str
    epoch: int
    weights: int | None
    state: str
    sentence: str


def file_lines(item: RunAnalysis) -> list[FileLine]:
    """The files of a run, the last written first."""
    outcome = item.outcome
    if outcome is None:
        return []
    held = {file.name: file for file in _expected(item)}
    lines = []
    for name, epoch in reversed(outcome.files.items()):
        found = held.get(name)
        match = None if found is None else found.match
        sentence = "" if found is None else (match.conclusion if match is not None and found.state == "as expected"
                                             else found.sentence)  # fmt: skip
        lines.append(FileLine(name, epoch, outcome.file_weights[name], _state(item, name), sentence))
    return lines


#: What is said of a file for each state, and for those that were not looked into.
_WORDS = {
    "as expected": "proved", "unproved": "on disk, not proved", "later": "on disk, of a later epoch", "stale": "stale",
    "foreign": "of another run", "damaged": "damaged", "missing": "not on disk",
}  # fmt: skip


def _state(item: RunAnalysis, name: str | None) -> str:
    if name is None:
        return ""
    on_disk = {disk.name for disk in item.on_disk}
    held = next((file.state for file in _expected(item) if file.name == name), None)
    if name not in on_disk:
        return "not on disk"
    return "on disk, not looked into" if held is None else _WORDS[held]
