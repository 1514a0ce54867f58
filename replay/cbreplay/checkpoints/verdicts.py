"""From evidence to a conclusion: when a file was written and whose weights it holds, or what cannot be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..model_files import Checkpoint, Status
from ..run import Run
from ..text import listed, plural
from .content import ContentMatch, HistogramIndex, Moment
from .evidence import Evidence, Steps, epoch_list, is_older, name_evidence, time_evidence
from .names import parse_name

Verdict = Literal["proved", "likely", "named", "contradicted", "unknown"]

_RESTORES_AT_EPOCH_END_BEFORE = (2, 16)


@dataclass(frozen=True)
class Match:
    """What is known of one file. Epochs are 0-based.

    ``weights_epochs`` are all epochs whose weights it holds, proved by their histograms (several where the weights
    did not change). ``written_epoch`` is the epoch at whose end, or later, it was written, or in the middle of which
    (``mid_epoch``). ``likely_epoch`` is whose weights it should hold where nothing proves it. ``verdict``:
    ``proved``; ``likely`` (the optimizer's steps, or name and time together, say so); ``named`` (the name alone
    does); ``contradicted``; ``unknown``. ``statement`` says it for people. ``fit`` is the fit of a resumed training
    that it is of, ``replaced`` tells that a later one logged that epoch again. ``differing`` names tensors that are
    not what was logged where all others agree, ``missing`` counts those that were logged and are not in the file.
    ``is_changed`` tells that its weights are not those of the epoch that its name or its optimizer says,
    ``is_part`` that the file and the logs do not have all of their weights in common, and the rest is no damage.
    """

    checkpoint: Checkpoint
    run: str | None
    verdict: Verdict
    statement: str
    weights_epochs: tuple[int, ...] = ()
    written_epoch: int | None = None
    mid_epoch: bool = False
    likely_epoch: int | None = None
    contradictions: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    fit: int | None = None
    replaced: bool = False
    differing: tuple[str, ...] = ()
    missing: int = 0
    is_changed: bool = False
    is_part: bool = False

    @property
    def conclusion(self) -> str:
        """The statement and what it rests on, strongest first."""
        content = ("histograms", "iterations", "metrics")
        kinds = content if self.weights_epochs else (*content, "name", "time")
        reasons = "; ".join(item.sentence for item in self.evidence if item.kind in kinds)
        return f"{self.statement}: {reasons}" if reasons else self.statement

    @property
    def status(self) -> Status:
        """The file's own status, but worse where the logs show that it is not, or not all, of what was written."""
        own = self.checkpoint.status
        if self.differing and own != "refused":
            return "damaged"
        return "suspect" if (self.missing or self.is_changed) and own == "sound" else own

    @property
    def problems(self) -> list[str]:
        """What speaks against using the file, the worst first: what its reading found, then what the logs did."""
        by_logs = self.contradictions
        if self.differing or (self.is_changed and not by_logs):
            by_logs = (self.conclusion,)
        return [*self.checkpoint.problems(), *by_logs]

    @property
    def epoch(self) -> int | None:
        """The epoch whose weights it holds: the (first) proved one, else the likely one."""
        return self.weights_epochs[0] if self.weights_epochs else self.likely_epoch

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict without the checkpoint itself."""
        return {
            "run": self.run, "weights_epochs": list(self.weights_epochs), "written_epoch": self.written_epoch,
            "mid_epoch": self.mid_epoch, "likely_epoch": self.likely_epoch, "verdict": self.verdict,
            "conclusion": self.conclusion, "contradictions": list(self.contradictions), "fit": self.fit,
            "replaced": self.replaced, "status": self.status, "differing": list(self.differing),
            "missing": self.missing, "is_part": self.is_part,
            "evidence": [item.to_dict() for item in self.evidence],
        }  # fmt: skip


@dataclass
class Case:
    """One file against one run, on the way to a conclusion. ``number`` is the run's place in ``index``.

    ``remark`` is what is to be said of how its run is known.
    """

    checkpoint: Checkpoint
    run: Run
    number: int
    index: HistogramIndex
    content: ContentMatch
    steps: Steps
    metrics: Steps
    remark: str
    evidence: list[Evidence] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)

    @property
    def named(self) -> tuple[int, ...]:
        """The epochs that the name stands for."""
        return next((item.epochs for item in self.evidence if item.kind == "name"), ())

    @property
    def timed(self) -> tuple[int, ...]:
        """The epochs that the modification time stands for."""
        return next((item.epochs for item in self.evidence if item.kind == "time"), ())

    @property
    def ends(self) -> list[tuple[int, int]]:
        """(fit, epoch) at whose end the optimizer's steps say that the file was written, else the model's metrics."""
        return list(self.steps.ends) or ([] if self.steps.inside else list(self.metrics.ends))

    @property
    def told_epoch(self) -> int | None:
        """The one epoch that content or steps tell, without the name; None where they tell none or several."""
        epochs = {moment.epoch for moment in self.content.moments}
        if self.ends:
            ends = {epoch for _, epoch in self.ends}
            epochs = epochs & ends or ends  # restored weights are older than the file
        return epochs.pop() if len(epochs) == 1 else None

    @property
    def may_restore(self) -> bool:
        """Whether a callback behind early stopping can have seen restored weights at the last epoch."""
        return restores_at_epoch_end(self.checkpoint, self.run)

    def is_last(self, fit: int, epoch: int) -> bool:
        """Whether a fit ended with this epoch, so that early stopping may have restored weights."""
        return epoch == self.run.fit_span(fit)[1] - 1

    def match(self, verdict: Verdict, statement: str, **known: Any) -> Match:
        """The conclusion, with the contradictions in front."""
        lead = f"{'; '.join(self.contradictions)}: " if self.contradictions else ""
        return Match(
            self.checkpoint, self.run.name, "contradicted" if self.contradictions else verdict, f"{lead}{statement}",
            contradictions=tuple(self.contradictions), evidence=tuple(self.evidence), **known,
        )  # fmt: skip


def restores_at_epoch_end(checkpoint: Checkpoint, run: Run) -> bool:
    """Whether the release restores best weights in ``on_epoch_end``: until Keras 2.15; also where none is known."""
    version = checkpoint.keras_version
    if version is None and run.release is not None and run.release.release is not None:
        version = run.release.release.rpartition("-")[2]
    if version is None:
        return run.release is None or run.release.first < (3, 0)
    pieces = version.split("-")[0].split(".")
    return tuple(int(piece) for piece in pieces[:2] if piece.isdecimal()) < _RESTORES_AT_EPOCH_END_BEFORE


def conclude(
    case: Case, template: str | None = None, first_epochs: Mapping[tuple[Path, str], int | None] | None = None
) -> Match:
    """The conclusion on a case. ``template`` and ``first_epochs`` are those of :func:`.evidence.name_evidence`."""
    case.evidence += _content_evidence(case)
    case.evidence += _steps_evidence(case)
    for found in (
        name_evidence(case.checkpoint, case.run, template, first_epochs or {}), time_evidence(case.checkpoint, case.run)
    ):  # fmt: skip
        if found is not None:
            case.evidence.append(found)
    if case.content.moments:
        return _proved(case)
    if case.content.nearest is not None and _is_plausible(case, case.content.nearest):
        return _damaged(case)
    return _unproved(case)


def _is_plausible(case: Case, nearest: Moment) -> bool:
    """Whether the optimizer's steps allow that a file was of this moment: one from the middle of an epoch was not."""
    if case.steps.inside or case.checkpoint.iterations == 0:
        return False
    return not case.steps.ends or (nearest.fit, nearest.epoch) in case.steps.ends


def _content_evidence(case: Case) -> list[Evidence]:
    content = case.content
    if content.moments:
        epochs = tuple(sorted({moment.epoch for moment in content.moments}))
        many = content.agreeing > 1
        told = (
            f"the histograms of all {content.agreeing} tensors agree"
            if many
            else "the histogram of its one tensor agrees"
        )
        told += f" with epoch {epoch_list(epochs)}"
        return [Evidence("histograms", epochs, told)]
    if content.nearest is not None:
        told = (
            f"the histograms of {plural(content.agreeing, 'tensor')} agree with epoch {content.nearest.epoch + 1} "
            f"alone, but not {listed(content.differing, 3, 60)}"
        )
        return [Evidence("histograms", (), told)]
    if content.other_model:
        return []
    if content.compared:
        logged = case.index.epochs(case.number)
        told = f"those of none of the {plural(len(logged), 'logged epoch')} agree"
        without = sorted({epoch for _, epoch in case.ends} - logged)
        if without:
            told = f"none was logged for epoch {epoch_list(without)}; those of the {len(logged)} others differ"
        return [Evidence("histograms", (), told)]
    if case.checkpoint.is_finite is False and case.number in case.index.runs():
        return [Evidence("histograms", (), "weights that are not finite have none to compare")]
    return []


def _steps_evidence(case: Case) -> list[Evidence]:
    count = case.checkpoint.iterations or 0
    if case.steps.ends:
        epochs = tuple(sorted({epoch for _, epoch in case.steps.ends}))
        told = f"{count:,} iterations: the end of epoch {epoch_list(epochs)} ({case.steps.how})"
        return [Evidence("iterations", epochs, told)]
    if case.steps.inside:
        _, epoch, step, steps = case.steps.inside[0]
        told = f"{count:,} iterations: step {step:,} of {steps:,} of epoch {epoch + 1} ({case.steps.how})"
        return [Evidence("iterations", (), told)]
    if case.metrics.ends:
        epochs = tuple(sorted({epoch for _, epoch in case.metrics.ends}))
        told = f"the loss in its own metrics is just the {case.metrics.how} of epoch {epoch_list(epochs)}"
        return [Evidence("metrics", epochs, told)]
    return []


def _proved(case: Case) -> Match:
    """Its content is that of one or more logged epochs; whatever else there is tells when it was written."""
    moments = case.content.moments
    epochs = tuple(sorted({moment.epoch for moment in moments}))
    written = _written(case)
    moment = next((m for m in moments if m.epoch == written), moments[0])
    whose = f"the weights of epoch {epoch_list(epochs)}"
    if case.named and not set(case.named) & {*epochs, written}:
        case.contradictions.append(f"named {epoch_list(case.named)}, but it holds {whose}")
    if case.content.beyond:
        return _with_more(case, moment, written)
    is_part = bool(case.content.missing) and case.checkpoint.has_config
    if case.content.missing and not is_part:
        case.contradictions.append(f"{plural(case.content.missing, 'tensor')} that were logged are not in it")
    if written is None:
        told = f"holds {whose}; when it was written cannot be told"
    elif written in epochs:
        told = f"written at the end of epoch {written + 1}, whose weights it holds"
        told += f" (as those of epoch {epoch_list(epochs)}: they did not change)" if len(epochs) > 1 else ""
    else:
        told = f"written at the end of epoch {written + 1} or later with {whose}, as restore_best_weights leaves them"
    told = f"a part of the model, {told}" if is_part else told
    if case.ends and written is None:
        ends = epoch_list(sorted({epoch for _, epoch in case.ends}))
        told += f"; what it holds beside its weights is of epoch {ends}"
    replaced = moment in case.index.replaced
    told += "; a resumed training logged that epoch again" if replaced else ""
    told += f"; {case.remark}" if case.remark else ""
    return case.match(
        "proved", told, weights_epochs=epochs, written_epoch=written, fit=moment.fit, replaced=replaced,
        missing=0 if is_part else case.content.missing, is_part=is_part,
    )  # fmt: skip


def _with_more(case: Case, moment: Moment, written: int | None) -> Match:
    """All that was logged agrees, but the file has more: a larger model around the logged one, or unlogged weights."""
    told = (
        f"the logged part of it is that of epoch {moment.epoch + 1}, but {plural(case.content.beyond, 'tensor')} more "
        "in it were not logged, which may be of any epoch or of a larger model"
    )
    return case.match("likely", told, likely_epoch=moment.epoch, written_epoch=written, fit=moment.fit, is_part=True)


def _written(case: Case) -> int | None:
    """The epoch at whose end a file whose weights are proved was written, or later; None where that cannot be told.

    That is an epoch with these weights, or the last one of a fit, at whose end older weights can have been restored.
    """
    moments = {(moment.fit, moment.epoch) for moment in case.content.moments}
    oldest = {fit: min(e for f, e in moments if f == fit) for fit, _ in moments}
    last = {(fit, case.run.fit_span(fit)[1] - 1) for fit in oldest}
    possible = moments | {(fit, epoch) for fit, epoch in last if epoch > oldest[fit]}
    if case.ends:
        possible &= set(case.ends)
    elif case.steps.inside or not any(epoch in case.named for _, epoch in possible):
        return None
    named = {(fit, epoch) for fit, epoch in possible if epoch in case.named}
    epochs = {epoch for _, epoch in named or possible}
    return epochs.pop() if len(epochs) == 1 else None


def _damaged(case: Case) -> Match:
    """All but some tensors are those of one epoch."""
    nearest = case.content.nearest
    assert nearest is not None
    elements = {tensor.name: tensor.elements for tensor in case.checkpoint.weights}
    if all(elements[name] == 1 for name in case.content.differing):
        told = (
            f"all but {plural(len(case.content.differing), 'single number')} of its weights are those of epoch "
            f"{nearest.epoch + 1}: set between its saving and the logging, or changed since"
        )
        return case.match("likely", told, likely_epoch=nearest.epoch, fit=nearest.fit)
    case.contradictions.append(f"not all of its weights are those of epoch {nearest.epoch + 1}")
    return case.match(
        "contradicted", "damaged, or changed after it was written", fit=nearest.fit, differing=case.content.differing
    )  # fmt: skip


def _unproved(case: Case) -> Match:
    """Without histograms that agree: the optimizer's steps, then the name with the time, then the name alone."""
    logged = case.index.epochs(case.number) if case.content.compared else set()
    if not case.checkpoint.weights:
        return case.match("unknown", "no weights in it can be read")
    if case.content.other_model:
        return case.match("unknown", "of another model: its tensors have other sizes than those of the run beside it")
    if is_older(case.checkpoint, case.run):
        return case.match("unknown", "of another training, as it is older than this one")
    ends = case.ends
    if any(epoch in case.named for _, epoch in ends):
        ends = [(fit, epoch) for fit, epoch in ends if epoch in case.named]
    free = [(f, e) for f, e in ends if e not in logged or case.index.looks_restored(Moment(case.number, f, e))]
    if free:
        return _by_steps(case, free)
    if ends and all(case.is_last(*end) for end in ends):
        told = (
            "written at the end of training or later, with weights of no epoch's end: averaged (use_ema), changed "
            "since, or of another training"
        )
        return case.match("unknown", told, is_changed=any(epoch in case.named for _, epoch in ends))
    if ends:
        epochs = sorted({epoch for _, epoch in ends})
        case.contradictions.append(
            f"what it holds beside its weights is of epoch {epoch_list(epochs)}, but its weights are not"
        )
        return case.match("contradicted", "of another training, or changed since", is_changed=True)
    if case.steps.inside:
        return _mid_epoch(case)
    return _by_name(case, logged)


def _mid_epoch(case: Case) -> Match:
    if len({(epoch, step) for _, epoch, step, _ in case.steps.inside}) != 1:
        return case.match("unknown", "written in the middle of one of several epochs")
    fit, epoch, step, steps = case.steps.inside[0]
    if case.named and epoch not in case.named:
        case.contradictions.append(f"named {epoch_list(case.named)}, but written in epoch {epoch + 1}")
    told = f"written in the middle of epoch {epoch + 1}, after step {step:,} of {steps:,}"
    return case.match("likely", told, written_epoch=epoch, mid_epoch=True, fit=fit)


def _by_steps(case: Case, ends: list[tuple[int, int]]) -> Match:
    if len(ends) > 1:
        epochs = sorted({epoch for _, epoch in ends})
        return case.match("unknown", f"written at the end of one of several epochs, {epoch_list(epochs)}")
    fit, epoch = ends[0]
    is_named = epoch in case.named
    if case.named and not is_named:
        case.contradictions.append(
            f"named {epoch_list(case.named)}, but what it holds beside its weights is of epoch {epoch + 1}"
        )
    if case.is_last(fit, epoch) and (not is_named or case.may_restore):
        told = (
            f"written at the end of epoch {epoch + 1}, the last, or later; whose weights it holds cannot be told, as "
            "restore_best_weights may have put others in"
        )
        return case.match("unknown", told, written_epoch=epoch, fit=fit)
    told = f"written at the end of epoch {epoch + 1}, so that it should hold its weights"
    return case.match("likely", told, written_epoch=epoch, likely_epoch=epoch, fit=fit)


def _by_name(case: Case, logged: set[int]) -> Match:
    if not case.named:
        told = "its weights are those of no epoch that is logged with histograms" if logged else "nothing in it tells"
        return case.match("unknown", told)
    denied = [epoch for epoch in case.named if epoch in logged and not case.is_last(0, epoch)]
    if len(denied) == len(case.named):
        case.contradictions.append(f"named {epoch_list(case.named)}, but its weights are not those")
        return case.match("contradicted", "of another training, or changed since", is_changed=True)
    possible = [epoch for epoch in case.named if epoch not in denied]
    known = range(case.run.first_epoch, case.run.first_epoch + case.run.epochs)
    if len(possible) != 1 or possible[0] not in known or logged:
        return case.match("unknown", "nothing but its name tells")
    epoch = possible[0]
    if case.timed and epoch not in case.timed:
        case.contradictions.append(f"named {epoch + 1}, but modified when epoch {epoch_list(case.timed)} was logged")
        return case.match("contradicted", "which of them is right cannot be told")
    if epoch in case.timed:
        return case.match(
            "likely", f"likely of epoch {epoch + 1}, by name and time", written_epoch=epoch, likely_epoch=epoch
        )
    if not parse_name(case.checkpoint.path).is_marked:
        return case.match("unknown", "nothing but a number in its name tells")
    return case.match("named", f"of epoch {epoch + 1} by its name alone, which proves nothing", likely_epoch=epoch)
