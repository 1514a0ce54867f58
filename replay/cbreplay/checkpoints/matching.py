"""When a checkpoint was written and whose weights it holds: two answers, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..run import Run
from ..text import plural, printable
from .content import ContentMatch, HistogramIndex
from .evidence import (
    Evidence,
    Steps,
    epoch_list,
    first_epochs_of_names,
    name_evidence,
    steps_of,
    steps_told_by_names,
    time_evidence,
)
from ..files import shared_parts
from ..model_files import Checkpoint, Status

Verdict = Literal["proved", "likely", "named", "contradicted", "unknown"]

_RESTORES_AT_EPOCH_END_BEFORE = (2, 16)


@dataclass(frozen=True)
class Match:
    """What is known of one file. Epochs are 0-based.

    ``weights_epochs`` are all epochs whose weights it holds, proved by their histograms (several where the weights did
    not change). ``written_epoch`` is the epoch at whose end it was written, or in the middle of which (``mid_epoch``).
    ``likely_epoch`` is whose weights it should hold where nothing proves it. ``verdict``: ``proved``; ``likely`` (the
    optimizer's steps, or name and time together, say so); ``named`` (the name alone does); ``contradicted``; ``unknown``.
    ``fit`` is the fit of a resumed training that it is of, ``replaced`` tells that a later one logged that epoch again.
    ``differing`` names tensors that are not what was logged where all others agree.
    """

    checkpoint: Checkpoint
    run: str | None
    weights_epochs: tuple[int, ...]
    written_epoch: int | None
    mid_epoch: bool
    likely_epoch: int | None
    verdict: Verdict
    conclusion: str
    contradictions: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    fit: int | None = None
    replaced: bool = False
    differing: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """The file's own status, but ``damaged`` where its content shows that it is not what was written."""
        own = self.checkpoint.status
        return "damaged" if self.differing and own != "refused" else own

    @property
    def problems(self) -> list[str]:
        """What speaks against using the file, the worst first: what its reading found, then what the logs did."""
        return [*self.checkpoint.problems(), *([self.conclusion] if self.differing else self.contradictions)]

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
            "replaced": self.replaced, "status": self.status,
            "differing": list(self.differing), "evidence": [item.to_dict() for item in self.evidence],
        }  # fmt: skip


@dataclass
class _Case:
    """One file against one run, on the way to a conclusion."""

    checkpoint: Checkpoint
    run: Run
    number: int
    index: HistogramIndex
    content: ContentMatch
    steps: Steps
    remark: str  #: what is to be said of how its run is known
    evidence: list[Evidence] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)

    @property
    def named(self) -> tuple[int, ...]:
        return next((item.epochs for item in self.evidence if item.kind == "name"), ())

    @property
    def timed(self) -> tuple[int, ...]:
        return next((item.epochs for item in self.evidence if item.kind == "time"), ())

    @property
    def told_epoch(self) -> int | None:
        """The one epoch that content or steps tell, without the name; None where they tell none or several."""
        epochs = {moment.epoch for moment in self.content.moments}
        if self.steps.ends:
            ends = {epoch for _, epoch in self.steps.ends}
            epochs = epochs & ends or ends  # restored weights are older than the file
        return epochs.pop() if len(epochs) == 1 else None

    def is_last(self, fit: int, epoch: int) -> bool:
        """Whether training of a fit ended with this epoch, so that early stopping may have restored weights."""
        spans = self.run.fit_epochs
        if fit < len(spans):
            return epoch == spans[fit][1] - 1
        return epoch == self.run.first_epoch + self.run.epochs - 1


def match_files(
    checkpoints: Sequence[Checkpoint],
    runs: Sequence[Run],
    index: HistogramIndex,
    *,
    template: str | None = None,
    steps_per_epoch: int | None = None,
) -> list[Match]:
    """A match for each file, in their order. ``index`` has the histograms of ``runs`` by their places.

    ``template`` is ModelCheckpoint's ``filepath`` where it is known; ``steps_per_epoch`` what the user knows.
    """
    together: dict[Path, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        together.setdefault(Path(checkpoint.path).parent, []).append(checkpoint)
    told = {folder: steps_told_by_names(files) for folder, files in together.items()}
    cases = [
        _case_of(checkpoint, runs, index, (steps_per_epoch, "as given") if steps_per_epoch else told[Path(checkpoint.path).parent])
        for checkpoint in checkpoints
    ]
    known = ((case.checkpoint, epoch) for case in cases if isinstance(case, _Case) and (epoch := case.told_epoch) is not None)
    first_epochs = first_epochs_of_names(known)
    result = []
    for case in cases:
        if isinstance(case, _Case):
            _gather(case, template, first_epochs)
            case = _conclude(case)
        result.append(case)
    return result


def _case_of(
    checkpoint: Checkpoint, runs: Sequence[Run], index: HistogramIndex, steps: tuple[int, str] | None
) -> _Case | Match:
    """A file with its run, its content and its steps; a match at once where its run cannot be told."""
    content = index.match(checkpoint)
    number, remark = _run_of(checkpoint, runs, content)
    if number is None:
        return Match(checkpoint, None, (), None, False, None, "unknown", remark)
    run = runs[number]
    own = ContentMatch(
        tuple(moment for moment in content.moments if moment.run == number), content.agreeing, content.beyond,
        content.missing, content.nearest if content.nearest and content.nearest.run == number else None,
        content.differing, content.compared and number in index.runs(),
    )  # fmt: skip
    own = _without_restored(own, checkpoint, run)
    per_epoch = (run.steps_per_epoch, "by the log") if run.steps_per_epoch else steps
    return _Case(checkpoint, run, number, index, own, steps_of(checkpoint, run, per_epoch), remark)


def _run_of(checkpoint: Checkpoint, runs: Sequence[Run], content: ContentMatch) -> tuple[int | None, str]:
    """The place of the run that a file belongs to, and what is to be said of how that is known."""
    near = _nearest_runs(checkpoint, runs)
    proved = {moment.run for moment in content.moments}
    if len(proved) == 1:
        number = next(iter(proved))
        stranger = number not in near and len(near) == 1
        return number, f"it lies beside run {_name(runs[near[0]])}, but is one of {_name(runs[number])}" if stranger else ""
    if proved:
        both = [number for number in near if number in proved]
        if len(both) == 1:
            return both[0], f"the weights are those of other runs, too: {_names(runs, proved - set(both))}"
        return None, f"these weights are in {plural(len(proved), 'run')} alike: {_names(runs, proved)}"
    if content.nearest is not None:
        return content.nearest.run, ""
    if len(near) > 1:
        timed = [number for number in near if (found := time_evidence(checkpoint, runs[number])) and found.epochs]
        near = timed if len(timed) == 1 else near
        near = near[:1] if all(_same_training(runs[near[0]], runs[number]) for number in near[1:]) else near
    if len(near) == 1:
        return near[0], ""
    if not near:
        return None, "there is no log to compare it with"
    return None, f"{plural(len(near), 'run')} could have written it, and nothing tells which: {_names(runs, near)}"


def _same_training(one: Run, other: Run) -> bool:
    """Whether two runs are two histories of one training: where both have a metric, its values are the same."""
    shared = one.table.keys() & other.table.keys()
    return bool(shared) and all(
        np.array_equal(one.table[name].epoch, other.table[name].epoch)
        and np.array_equal(one.table[name].value, other.table[name].value, equal_nan=True)
        for name in shared
    )


def _nearest_runs(checkpoint: Checkpoint, runs: Sequence[Run]) -> list[int]:
    """The runs whose folders share the longest path with that of the file."""
    folder = Path(checkpoint.path).resolve().parent
    shared = [shared_parts(folder, Path(run.folder).resolve()) for run in runs]
    return [number for number, count in enumerate(shared) if count == max(shared)]


def _without_restored(content: ContentMatch, checkpoint: Checkpoint, run: Run) -> ContentMatch:
    """Without the last epoch of a fit where its histograms can be those of restored weights.

    Until Keras 2.15 early stopping restores inside of ``on_epoch_end``; a TensorBoard callback behind it then logs the
    restored weights once more.
    """
    if not _may_restore_at_epoch_end(checkpoint, run) or len(content.moments) < 2:
        return content
    kept = []
    for moment in content.moments:
        earlier = any(m.fit == moment.fit and m.epoch < moment.epoch for m in content.moments)
        spans = run.fit_epochs
        end = spans[moment.fit][1] if moment.fit < len(spans) else run.first_epoch + run.epochs
        if not (earlier and moment.epoch == end - 1):
            kept.append(moment)
    return ContentMatch(tuple(kept), content.agreeing, content.beyond, content.missing, compared=True)


def _may_restore_at_epoch_end(checkpoint: Checkpoint, run: Run) -> bool:
    version = checkpoint.keras_version
    if version is None and run.release is not None and run.release.release is not None:
        version = run.release.release.rpartition("-")[2]
    if version is None:
        return run.release is None or run.release.first < (3, 0)
    pieces = version.split("-")[0].split(".")
    numbers = tuple(int(piece) for piece in pieces[:2] if piece.isdecimal())
    return numbers < _RESTORES_AT_EPOCH_END_BEFORE


def _gather(case: _Case, template: str | None, first_epochs: Mapping[tuple[Path, str], int | None]) -> None:
    """The evidence, strongest first."""
    content, checkpoint = case.content, case.checkpoint
    if content.moments:
        epochs = tuple(sorted({moment.epoch for moment in content.moments}))
        beyond = f"; {plural(content.beyond, 'tensor')} more in the file were not logged" if content.beyond else ""
        missing = f"; {content.missing} more were logged and are not in the file" if content.missing else ""
        what = f"the histograms of all {plural(content.agreeing, 'tensor')}" if content.agreeing > 1 else "the histogram"
        case.evidence.append(Evidence("histograms", epochs, f"{what} agree with epoch {epoch_list(epochs)}{beyond}{missing}"))
    elif content.nearest is not None:
        shown = ", ".join(printable(name, 60) for name in content.differing[:3])
        more = f" and {len(content.differing) - 3} more" if len(content.differing) > 3 else ""
        sentence = (
            f"the histograms of {plural(content.agreeing, 'tensor')} agree with epoch {content.nearest.epoch + 1} alone, "
            f"but not {shown}{more}"
        )
        case.evidence.append(Evidence("histograms", (), sentence))
    elif content.compared:
        count = len(case.index.epochs(case.number))
        case.evidence.append(Evidence("histograms", (), f"they agree with none of the {plural(count, 'epoch')} that have any"))
    elif checkpoint.is_finite is False and case.number in case.index.runs():
        case.evidence.append(Evidence("histograms", (), "weights that are not finite have none to compare"))
    if case.steps.ends:
        epochs = tuple(sorted({epoch for _, epoch in case.steps.ends}))
        sentence = f"{checkpoint.iterations:,} iterations: the end of epoch {epoch_list(epochs)} ({case.steps.how})"
        case.evidence.append(Evidence("iterations", epochs, sentence))
    elif case.steps.inside:
        _, epoch, step, steps = case.steps.inside[0]
        sentence = f"{checkpoint.iterations:,} iterations: step {step:,} of {steps:,} of epoch {epoch + 1} ({case.steps.how})"
        case.evidence.append(Evidence("iterations", (), sentence))
    for found in (name_evidence(checkpoint, case.run, template, first_epochs), time_evidence(checkpoint, case.run)):
        if found is not None:
            case.evidence.append(found)


def _conclude(case: _Case) -> Match:
    if case.content.moments:
        return _proved(case)
    if case.content.nearest is not None:
        return _damaged(case)
    return _unproved(case)


def _proved(case: _Case) -> Match:
    moments = case.content.moments
    epochs = tuple(sorted({moment.epoch for moment in moments}))
    ends = set(case.steps.ends)
    at = [moment for moment in moments if (moment.fit, moment.epoch) in ends]
    moment = (at or [m for m in moments if m.epoch in case.named] or list(moments))[0]
    later = sorted((s, e) for s, e in ends if s == moment.fit and e > moment.epoch and case.is_last(s, e))
    written: int | None = None
    if at:
        written = at[0].epoch if len({m.epoch for m in at}) == 1 else None
    elif later:
        written = later[0][1]
    elif not ends and not case.steps.inside:
        restored = [e for e in case.named if e > moment.epoch and case.is_last(moment.fit, e)]
        written = moment.epoch if moment.epoch in case.named else restored[0] if restored else None
    whose = f"the weights of epoch {epoch_list(epochs)}"
    if case.named and not set(case.named) & {*epochs, *(() if written is None else (written,))}:
        case.contradictions.append(f"named {epoch_list(case.named)}, but it holds {whose}")
    if (ends or case.steps.inside) and written is None and not at:
        case.contradictions.append(f"its optimizer has made other steps ({case.checkpoint.iterations:,}) than at the end of that epoch")
    because = "; ".join(item.sentence for item in case.evidence if item.kind in ("histograms", "iterations"))
    if written is None:
        told = f"holds {whose}; when it was written cannot be told"
    elif written in epochs:
        told = f"written at the end of epoch {written + 1}, whose weights it holds"
        told += f" (as those of epoch {epoch_list(epochs)}: they did not change)" if len(epochs) > 1 else ""
    else:
        told = f"written at the end of epoch {written + 1} or later with {whose}, as restore_best_weights leaves them"
    replaced = moment in case.index.replaced
    again = "; a resumed training logged that epoch again" if replaced else ""
    lead = f"{'; '.join(case.contradictions)}: " if case.contradictions else ""
    tail = f"; {case.remark}" if case.remark else ""
    return Match(
        case.checkpoint, case.run.name, epochs, written, False, None,
        "contradicted" if case.contradictions else "proved", f"{lead}{told}{again}: {because}{tail}",
        tuple(case.contradictions), tuple(case.evidence), moment.fit, replaced,
    )  # fmt: skip


def _damaged(case: _Case) -> Match:
    nearest = case.content.nearest
    assert nearest is not None
    sentence = next(item.sentence for item in case.evidence if item.kind == "histograms")
    told = f"damaged, or changed after it was written at the end of epoch {nearest.epoch + 1}: {sentence}"
    return Match(
        case.checkpoint, case.run.name, (), None, False, None, "contradicted", told, (sentence,), tuple(case.evidence),
        nearest.fit, differing=case.content.differing,
    )  # fmt: skip


def _unproved(case: _Case) -> Match:
    """Without histograms that agree: the optimizer's steps, then the name with the time, then the name alone."""
    compared = case.content.compared
    logged = case.index.epochs(case.number) if compared else set()
    ends = list(case.steps.ends)
    if case.named and any(epoch in case.named for _, epoch in ends):
        ends = [(fit, epoch) for fit, epoch in ends if epoch in case.named]
    free = [(s, e) for s, e in ends if e not in logged or (case.is_last(s, e) and _may_restore_at_epoch_end(case.checkpoint, case.run))]
    reasons = "; ".join(item.sentence for item in case.evidence)
    if ends and not free:
        epochs = tuple(sorted({epoch for _, epoch in ends}))
        case.contradictions.append(
            f"its optimizer has made the steps of epoch {epoch_list(epochs)}, but its weights are not those"
        )
        told = f"{case.contradictions[0]}: of another training, or changed since: {reasons}"
        if all(case.is_last(*end) for end in ends):
            case.contradictions.clear()
            told = (
                f"written at the end of training or later, with weights of no epoch's end: averaged ones (use_ema), "
                f"or changed since, or of another training: {reasons}"
            )
            return _match_of(case, None, None, "unknown", told)
        return _match_of(case, None, None, "contradicted", told)
    if case.steps.inside and not ends:
        return _mid_epoch(case, reasons)
    if free:
        return _by_steps(case, free, reasons)
    return _by_name(case, logged, reasons)


def _mid_epoch(case: _Case, reasons: str) -> Match:
    places = {(epoch, step) for _, epoch, step, _ in case.steps.inside}
    if len(places) != 1:
        return _match_of(case, None, None, "unknown", f"written in the middle of an epoch: {reasons}")
    _, epoch, step, steps = case.steps.inside[0]
    if case.named and epoch not in case.named:
        case.contradictions.append(f"named {epoch_list(case.named)}, but written in epoch {epoch + 1}")
    lead = f"{case.contradictions[0]}: " if case.contradictions else ""
    told = f"{lead}written in the middle of epoch {epoch + 1}, after step {step:,} of {steps:,}: {reasons}"
    verdict: Verdict = "contradicted" if case.contradictions else "likely"
    return _match_of(case, epoch, None, verdict, told, mid_epoch=True)


def _by_steps(case: _Case, ends: list[tuple[int, int]], reasons: str) -> Match:
    epochs = tuple(sorted({epoch for _, epoch in ends}))
    if len(ends) > 1:
        told = f"written at the end of one of several epochs, {epoch_list(epochs)}: {reasons}"
        return _match_of(case, None, None, "unknown", told)
    fit, epoch = ends[0]
    if case.named and epoch not in case.named:
        case.contradictions.append(f"named {epoch_list(case.named)}, but its optimizer has made the steps of epoch {epoch + 1}")
    is_named = epoch in case.named
    lead = f"{case.contradictions[0]}: " if case.contradictions else ""
    verdict: Verdict = "contradicted" if case.contradictions else "likely"
    open_end = case.is_last(fit, epoch) and (not is_named or _may_restore_at_epoch_end(case.checkpoint, case.run))
    if open_end:
        told = (
            f"{lead}written at the end of epoch {epoch + 1}, the last, or later; whose weights it holds cannot be told, as "
            f"restore_best_weights may have put others in: {reasons}"
        )
        return _match_of(case, epoch, None, verdict if case.contradictions else "unknown", told, fit=fit)
    told = f"{lead}written at the end of epoch {epoch + 1}, so that it should hold its weights: {reasons}"
    return _match_of(case, epoch, epoch, verdict, told, fit=fit)


def _by_name(case: _Case, logged: set[int], reasons: str) -> Match:
    if not case.named:
        what = "its weights are those of no epoch that is logged with histograms" if logged else "nothing in it tells"
        return _match_of(case, None, None, "unknown", f"{what}{f': {reasons}' if reasons else ''}")
    denied = [epoch for epoch in case.named if epoch in logged and not case.is_last(0, epoch)]
    if logged and len(denied) == len(case.named):
        case.contradictions.append(f"named {epoch_list(case.named)}, but its weights are not those")
        return _match_of(case, None, None, "contradicted", f"{case.contradictions[0]}: {reasons}")
    possible = [epoch for epoch in case.named if epoch not in denied]
    known = range(case.run.first_epoch, case.run.first_epoch + case.run.epochs)
    if len(possible) != 1 or possible[0] not in known:
        return _match_of(case, None, None, "unknown", f"nothing but its name tells: {reasons}")
    epoch = possible[0]
    if case.timed and epoch not in case.timed:
        case.contradictions.append(f"named {epoch + 1}, but modified when epoch {epoch_list(case.timed)} was logged")
        return _match_of(case, None, None, "contradicted", f"{case.contradictions[0]}: {reasons}")
    if logged:
        return _match_of(case, None, None, "unknown", f"nothing but its name tells: {reasons}")
    if epoch in case.timed:
        return _match_of(case, epoch, epoch, "likely", f"likely of epoch {epoch + 1}, by name and time: {reasons}")
    return _match_of(case, None, epoch, "named", f"of epoch {epoch + 1} by its name alone, which proves nothing: {reasons}")


def _match_of(
    case: _Case, written: int | None, likely: int | None, verdict: Verdict, conclusion: str, *, mid_epoch: bool = False,
    fit: int | None = None,
) -> Match:  # fmt: skip
    return Match(
        case.checkpoint, case.run.name, (), written, mid_epoch, likely, verdict, conclusion, tuple(case.contradictions),
        tuple(case.evidence), fit,
    )  # fmt: skip


def _name(run: Run) -> str:
    return printable(run.name, 40)


def _names(runs: Sequence[Run], numbers: Sequence[int] | set[int]) -> str:
    chosen = sorted(numbers)
    shown = ", ".join(_name(runs[number]) for number in chosen[:4])
    return shown + (f" and {len(chosen) - 4} more" if len(chosen) > 4 else "")


