"""Files and runs together: which run a file is of, and what its evidence says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..files import shared_parts
from ..model_files import Checkpoint
from ..run import Run, is_same_training
from ..text import listed, plural, printable
from .content import ContentMatch, HistogramIndex
from .evidence import first_epochs_of_names, metrics_of, steps_of, steps_told_by_names, time_evidence
from .verdicts import Case, Match, conclude, restores_at_epoch_end


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
        _case_of(
            checkpoint,
            runs,
            index,
            (steps_per_epoch, "as given") if steps_per_epoch else told[Path(checkpoint.path).parent],
        )
        for checkpoint in checkpoints
    ]
    known = (
        (case.checkpoint, epoch) for case in cases if isinstance(case, Case) and (epoch := case.told_epoch) is not None
    )
    first_epochs = first_epochs_of_names(known)
    result = []
    for case in cases:
        if isinstance(case, Case):
            case = conclude(case, template, first_epochs)
        result.append(case)
    return result


def _case_of(
    checkpoint: Checkpoint, runs: Sequence[Run], index: HistogramIndex, steps: tuple[int, str] | None
) -> Case | Match:
    """A file with its run, its content and its steps; a match at once where its run cannot be told."""
    content = index.match(checkpoint)
    number, remark = _run_of(checkpoint, runs, content)
    if number is None:
        return Match(checkpoint, None, "unknown", remark)
    run = runs[number]
    own = ContentMatch(
        tuple(moment for moment in content.moments if moment.run == number), content.agreeing, content.beyond,
        content.missing, content.nearest if content.nearest and content.nearest.run == number else None,
        content.differing, content.compared and number in index.runs(),
        not content.moments and index.is_of_another_model(checkpoint, number),
    )  # fmt: skip
    own = _without_restored(own, checkpoint, run)
    per_epoch = (run.steps_per_epoch, "by the log") if run.steps_per_epoch else steps
    return Case(
        checkpoint, run, number, index, own, steps_of(checkpoint, run, per_epoch), metrics_of(checkpoint, run), remark
    )


def _run_of(checkpoint: Checkpoint, runs: Sequence[Run], content: ContentMatch) -> tuple[int | None, str]:
    """The place of the run that a file belongs to, and what is to be said of how that is known."""
    near = _nearest_runs(checkpoint, runs)
    proved = {moment.run for moment in content.moments}
    if len(proved) == 1:
        number = next(iter(proved))
        stranger = number not in near and len(near) == 1
        return (
            number,
            f"it lies beside run {_name(runs[near[0]])}, but is one of {_name(runs[number])}" if stranger else "",
        )
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
        near = near[:1] if all(is_same_training(runs[near[0]], runs[number]) for number in near[1:]) else near
    if len(near) == 1:
        return near[0], ""
    if not near:
        return None, "there is no log to compare it with"
    return None, f"{plural(len(near), 'run')} could have written it, and nothing tells which: {_names(runs, near)}"


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
    if not restores_at_epoch_end(checkpoint, run) or len(content.moments) < 2:
        return content
    kept = []
    for moment in content.moments:
        earlier = any(m.fit == moment.fit and m.epoch < moment.epoch for m in content.moments)
        if not (earlier and moment.epoch == run.fit_span(moment.fit)[1] - 1):
            kept.append(moment)
    return ContentMatch(tuple(kept), content.agreeing, content.beyond, content.missing, compared=True)


def _name(run: Run) -> str:
    return printable(run.name, 40)


def _names(runs: Sequence[Run], numbers: Sequence[int] | set[int]) -> str:
    return listed([runs[number].name for number in sorted(numbers)], limit=40)
