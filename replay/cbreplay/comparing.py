"""Several policies on the same runs, or several runs under one policy: what differs, and what that is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ._version import __version__
from .analysis import try_replay
from .answers import Answer, ComparedRun, Policy
from .bands import Band, Series, band_of
from .damage import Damage, Skipped
from .errors import ParameterError, UnknownProfileError
from .rules import Rule
from .rules.profiles import profile_for
from .run import Run, Runs
from .text import listed, plural
from .tuning.grouping import group_runs
from .tuning.survival import Survival, kaplan_meier

if TYPE_CHECKING:
    import pandas as pd

#: The version of the JSON that :meth:`Comparison.to_dict` gives.
SCHEMA = 1

#: A run misses its best where the regret is more than this share of its range.
MISS = 0.01


@dataclass(frozen=True)
class Measures:
    """What one policy is worth over the runs that it decides; None where there is nothing to measure.

    ``epochs`` are those logged, ``seconds_saved`` rests on the ``timed`` runs whose logs have times. Regrets are means,
    ``worst`` the largest relative one, ``missed`` counts runs that miss their best by more than :data:`MISS` of their
    range. ``picked`` is the run that looks best at the stop, ``best_run`` the best of the same runs trained to their
    end, ``picked_regret`` by how much the picked one is worse than it then (in the unit of the monitor).
    """

    runs: int
    epochs: int
    epochs_saved: int
    seconds_saved: float
    timed: int
    regret: float | None
    regret_relative: float | None
    worst: float | None
    missed: int
    picked: str | None
    picked_value: float | None
    best_run: str | None
    best_value: float | None
    picked_regret: float | None

    @property
    def saved(self) -> float | None:
        """The share of the epochs that is saved."""
        return self.epochs_saved / self.epochs if self.epochs else None

    @property
    def picks_another(self) -> bool:
        """Whether one would have picked a run that is not the best in the end."""
        return bool(self.picked_regret)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record, and the share saved."""
        return {**self.__dict__, "saved": self.saved}


def measures_of(rows: Sequence[ComparedRun], place: int) -> Measures:
    """The measures of the policy at ``place`` over those of the rows that it decides."""
    decided = [(row.run.name, row.answers[place]) for row in rows if row.answers[place].is_decided]
    outcomes = [answer.outcome for _, answer in decided if answer.outcome is not None]
    seconds = [o.seconds_saved for o in outcomes if o.seconds_saved is not None]
    regrets = [o.regret for o in outcomes if o.regret is not None]
    relative = [o.regret_relative for o in outcomes if o.regret_relative is not None]
    picked = _pick(decided)
    return Measures(
        runs=len(decided), epochs=sum(o.run.epochs for o in outcomes),
        epochs_saved=sum(o.epochs_saved or 0 for o in outcomes), seconds_saved=float(sum(seconds)), timed=len(seconds),
        regret=float(np.mean(regrets)) if regrets else None,
        regret_relative=float(np.mean(relative)) if relative else None,
        worst=max(relative, default=None), missed=sum(value > MISS for value in relative), **picked,
    )  # fmt: skip


def _pick(decided: Sequence[tuple[str, Answer]]) -> dict[str, Any]:
    """The run that looks best at the stop, and the one that is best in the end; the first among equals."""
    known = [(name, a) for name, a in decided if a.best_seen is not None and a.outcome is not None]
    modes = {answer.outcome.mode for _, answer in known if answer.outcome is not None}
    if len(modes) != 1:
        return dict.fromkeys(("picked", "picked_value", "best_run", "best_value", "picked_regret"))
    sign = -1.0 if modes == {"max"} else 1.0
    name, picked = min(known, key=lambda item: sign * (item[1].best_seen or 0.0))
    best_name, best = min(known, key=lambda item: sign * (item[1].whole_best or 0.0))
    loss = sign * ((picked.whole_best or 0.0) - (best.whole_best or 0.0))
    if not loss:  # an equal in the end is no other choice
        best_name, best = name, picked
    return {
        "picked": name, "picked_value": picked.best_seen, "best_run": best_name, "best_value": best.whole_best,
        "picked_regret": loss,
    }  # fmt: skip


@dataclass(frozen=True)
class PolicySummary:
    """One policy over all runs: how many it stops, how many complete, how many it leaves undecided.

    ``measures`` rest on the runs that it decides, ``shared`` on those that every policy decides: only these are the
    same runs for all of them.
    """

    policy: str
    stopped: int
    completed: int
    undecided: int
    measures: Measures
    shared: Measures

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "policy": self.policy, "stopped": self.stopped, "completed": self.completed, "undecided": self.undecided,
            "decided": self.measures.to_dict(), "decided_by_all": self.shared.to_dict(),
        }  # fmt: skip


def summaries_of(policies: Sequence[Policy], rows: Sequence[ComparedRun]) -> tuple[PolicySummary, ...]:
    """A summary for each policy over some runs."""
    shared = [row for row in rows if all(answer.is_decided for answer in row.answers)]
    made = []
    for place, policy in enumerate(policies):
        verdicts = [row.answers[place].verdict for row in rows]
        made.append(PolicySummary(
            policy.name, verdicts.count("stopped"), verdicts.count("completed"), verdicts.count("undecided"),
            measures_of(rows, place), measures_of(shared, place),
        ))  # fmt: skip
    return tuple(made)


@dataclass(frozen=True)
class Group:
    """Runs that belong together: their band by epoch, and what each policy is worth on them.

    ``band`` is None where none of them has the monitored metric.
    """

    name: str
    runs: tuple[str, ...]
    band: Band | None
    summaries: tuple[PolicySummary, ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "name": self.name, "runs": list(self.runs), "band": None if self.band is None else self.band.to_dict(),
            "summaries": [item.to_dict() for item in self.summaries],
        }  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Policies side by side on the same runs: what ``cbreplay compare`` shows, plots and prints. Epochs are 0-based."""

    logdir: str | None
    policies: tuple[Policy, ...]
    runs: tuple[ComparedRun, ...]
    group_by: str | None = None
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()
    damage: tuple[Damage, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @cached_property
    def summaries(self) -> tuple[PolicySummary, ...]:
        """A summary for each policy over all runs."""
        return summaries_of(self.policies, self.runs)

    @property
    def monitors(self) -> tuple[str, ...]:
        """The monitors of the policies, each once."""
        found = (answer.outcome.monitor for row in self.runs for answer in row.answers if answer.outcome is not None)
        return tuple(dict.fromkeys(monitor for monitor in found if monitor is not None))

    def answers(self, place: int) -> list[Answer]:
        """What the policy at ``place`` makes of each run."""
        return [row.answers[place] for row in self.runs]

    def survival(self) -> list[Survival]:
        """The share of the runs that each policy still trains after so many epochs, as Kaplan and Meier estimate it.

        A run that a policy leaves undecided counts until its log ends, and drops out there.
        """
        made = []
        for place, policy in enumerate(self.policies):
            known = [a for a in self.answers(place) if a.outcome is not None and a.outcome.run.epochs]
            trained = [a.outcome.run.epochs - (a.outcome.epochs_saved or 0) for a in known if a.outcome is not None]
            ended = np.array([a.is_decided for a in known], bool)
            made.append(Survival(policy.name, *kaplan_meier(np.array(trained, np.float64), ended)))
        return made

    def gap_bands(self) -> tuple[Band, Band, Band] | None:
        """The bands of training, of validation and of the gap over all runs that have the pair that most have."""
        curves = [(row, a.gaps) for row in self.runs for a in row.answers[:1] if a.gaps is not None]
        if not curves:
            return None
        pairs = Counter((curve.training, curve.validation, curve.mode) for _, curve in curves)
        pair = pairs.most_common(1)[0][0]
        alike = [(row.run, curve) for row, curve in curves if (curve.training, curve.validation, curve.mode) == pair]

        def band(name: str, metric: str) -> Band | None:
            return band_of(name, metric, [
                Series(run.name, curve.epoch, getattr(curve, name), run.first_epoch, run.first_epoch + run.epochs)
                for run, curve in alike
            ])  # fmt: skip

        train, valid, gap = band("train", pair[0]), band("valid", pair[1]), band("gap", "gap")
        return None if train is None or valid is None or gap is None else (train, valid, gap)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict, schema 1."""
        return {
            "schema": SCHEMA, "cbreplay": __version__, "logdir": self.logdir,
            "policies": [policy.to_dict() for policy in self.policies],
            "summaries": [item.to_dict() for item in self.summaries],
            "runs": [row.to_dict() for row in self.runs],
            "group_by": self.group_by, "groups": [group.to_dict() for group in self.groups],
            "notes": list(self.notes), "damage": [item.to_dict() for item in self.damage],
            "skipped": [item.to_dict() for item in self.skipped],
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """A row per run and policy: what :meth:`Answer.to_dict` gives, epochs 0-based, <NA> where there is none."""
        import pandas as pd

        rows = []
        for row in self.runs:
            for answer in row.answers:
                told = answer.to_dict()
                gap = told.pop("gap") or {}
                gaps = {f"gap_{name}": gap.get(name) for name in ("kept", "stop", "end")}
                rows.append({"run": row.run.name, "group": row.group, "epochs": row.run.epochs, **told, **gaps})
        frame = pd.DataFrame(rows)
        whole = [name for name in frame.columns if name.endswith("_epoch") or name == "epochs_saved"]
        return frame.astype(dict.fromkeys(whole, "Int64"))

    def _repr_html_(self) -> str:
        import pandas as pd

        rows = [{"policy": s.policy, "stopped": s.stopped, "completed": s.completed, "undecided": s.undecided,
                 "saved": s.measures.saved, "regret": s.measures.regret_relative} for s in self.summaries]  # fmt: skip
        return str(pd.DataFrame(rows).to_html(index=False)) + str(self.to_frame().to_html(index=False, max_rows=60))


def compare(
    runs: Runs | Sequence[Run],
    policies: Mapping[str, Rule | Sequence[Rule]] | Sequence[Policy],
    *,
    profile: str = "auto",
    compiled_metrics: Mapping[str, str | None] | None = None,
    steps_per_epoch: int | None = None,
    metrics: Mapping[str, str] | None = None,
    group_by: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Replay every policy on every run.

    ``policies`` maps a name to a rule or to the callbacks in their order; the first is the one that the others are held
    against. ``group_by`` is ``seed``, ``folder`` or a pattern of the runs' names, see
    :func:`cbreplay.tuning.grouping.group_runs`. Other arguments as for :func:`cbreplay.replay`; ``progress`` is called
    with (runs replayed, runs in all). Raises :class:`ParameterError` without a policy, for two of one name, for an
    unknown profile, or for a pattern that fits nothing.
    """
    taken = _as_policies(policies, profile)
    groups = {} if group_by is None else group_runs([run.name for run in runs], group_by)
    group_of = {place: name for name, places in groups.items() for place in places}
    rows = []
    for place, run in enumerate(runs):
        answers = tuple(
            Answer(policy.name, *try_replay(
                run, policy.rules, policy.profile or profile, compiled_metrics, steps_per_epoch, metrics
            ))
            for policy in taken
        )  # fmt: skip
        rows.append(ComparedRun(run, answers, group_of.get(place)))
        if progress is not None:
            progress(place + 1, len(runs))
    made = tuple(_group(name, taken, [rows[place] for place in places]) for name, places in groups.items())
    return Comparison(
        runs.logdir if isinstance(runs, Runs) else None, taken, tuple(rows), group_by, made, _notes(rows, group_by),
        runs.damage if isinstance(runs, Runs) else tuple(dict.fromkeys(d for run in runs for d in run.damage)),
        runs.skipped if isinstance(runs, Runs) else (),
    )  # fmt: skip


def _as_policies(policies: Mapping[str, Rule | Sequence[Rule]] | Sequence[Policy], profile: str) -> tuple[Policy, ...]:
    if isinstance(policies, Mapping):
        taken = tuple(Policy(name, _as_rules(name, rules)) for name, rules in policies.items())
    else:
        taken = tuple(policies)
        other = next((item for item in taken if not isinstance(item, Policy)), None)
        if other is not None:
            raise ParameterError(f"policies have names: give {{name: rule}}, not a {type(other).__name__}")
    if not taken:
        raise ParameterError("there is no policy to compare")
    names = [policy.name for policy in taken]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ParameterError(f"two policies are called {twice!r}")
    for policy in taken:
        try:
            profile_for(policy.profile or profile)  # an unknown one is an error, not a problem of each run
        except UnknownProfileError as error:
            raise UnknownProfileError(f"policy {policy.name!r}: {error}" if policy.profile else str(error)) from error
    return taken


def _as_rules(name: str, given: Any) -> tuple[Rule, ...]:
    rules = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    other = next((rule for rule in rules if not isinstance(rule, Rule)), None)
    if other is not None:
        raise ParameterError(f"policy {name!r}: {other!r} is no rule")
    return rules


def _group(name: str, policies: Sequence[Policy], rows: Sequence[ComparedRun]) -> Group:
    """The band is of the first policy's monitor."""
    series, metric = [], ""
    for row in rows:
        outcome = row.answers[0].outcome
        if outcome is not None and outcome.monitor in outcome.run.table:
            found = outcome.run.table[outcome.monitor]
            metric = found.name
            first = outcome.run.first_epoch
            series.append(Series(row.run.name, found.epoch, found.value, first, first + outcome.run.epochs))
    names = tuple(row.run.name for row in rows)
    return Group(name, names, band_of(name, metric, series), summaries_of(policies, rows))


def _notes(rows: Sequence[ComparedRun], group_by: str | None) -> tuple[str, ...]:
    notes = []
    alone = [row.run.name for row in rows if row.group is None]
    if group_by is not None and alone:
        notes.append(f"{plural(len(alone), 'run')} in no group: {listed(alone, 3, 40)}")
    monitors = {a.outcome.monitor for row in rows for a in row.answers if a.outcome is not None}
    if len(monitors) > 1:
        notes.append("the policies watch several metrics: each regret is that of a policy's own monitor")
    inferred = [run.planned for run in (row.run for row in rows)
                if run.planned is not None and run.planned.known_from == "siblings"]  # fmt: skip
    if inferred:
        sentence = listed(list(dict.fromkeys(f"{p.epochs}, {p.sentence}" for p in inferred)), 2, 120)
        notes.append(f"planned epochs of {plural(len(inferred), 'run')} are {sentence}")
    return tuple(notes)
