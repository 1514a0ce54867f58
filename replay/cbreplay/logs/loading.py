"""``load_runs``: a folder or a file in, :class:`Runs` out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from ..damage import Damage, Skipped
from ..errors import LogNotFoundError, NotALogError, ParameterError
from ..points import Part
from ..run import Metric, Run, Runs
from .cache import event_cache
from .columns import EventColumns
from .discover import Found, discover
from .downloads import is_download, of_one_writer, read_download, run_of_download
from .epochs import EPOCH_AXES, Placing, by_epoch, place
from .events import read_event_file
from .histories import History, read_history
from .joining import join_histories
from .json_histories import read_json_history
from .planned import with_planned_epochs
from .release import Releases
from .restarts import split_at_restarts
from .sessions import Training, detach_strangers, trainings, writer_folders

Progress = Callable[[int, int], None]


def load_runs(
    logdir: str | Path,
    *,
    planned_epochs: int | None = None,
    histories: Iterable[str | Path] = (),
    epoch_axis: str = "auto",
    progress: Progress | None = None,
) -> Runs:
    """Read every log in a folder (or the one file named) and group the points into runs.

    ``histories`` names history files that may join an event run wherever they lie. ``epoch_axis`` overrides
    how steps (and epoch columns) become epochs: ``from-0`` or ``from-1`` where they count epochs,
    ``evaluations`` to count the evaluations. ``progress`` is called with (files read, files in all). Damaged
    and skipped files are in the result; only a path that does not exist (:class:`LogNotFoundError`) or cannot
    be listed (OSError) and an unknown ``epoch_axis`` (:class:`ParameterError`) raise.

    What large event files hold besides histograms and images is kept in the user's cache folder and taken from there
    while they stay the same; the environment variable ``CBREPLAY_CACHE`` names another folder, or says ``off``.
    """
    if epoch_axis not in EPOCH_AXES:
        raise ParameterError(f"epoch_axis must be one of {', '.join(EPOCH_AXES)}, got {epoch_axis!r}")
    root = Path(logdir)
    found = discover(root)
    given = [Path(path) for path in histories]
    if missing := [path for path in given if not path.is_file()]:
        raise LogNotFoundError(f"{missing[0]}: no such history file")
    known = {path.resolve() for path in found.histories}
    all_histories = (
        *found.histories,
        *{path.resolve(): path for path in given if path.resolve() not in known}.values(),
    )
    reader = _Reader(found, root, progress, len(found.event_files) + len(all_histories), given, epoch_axis)
    event_runs = reader.event_runs()
    history_runs = reader.history_runs(all_histories, {run.name for run in event_runs})
    runs = join_histories(event_runs, history_runs, frozenset(path.resolve() for path in given))
    runs = _with_names_of_their_own(runs)
    releases = Releases(root)
    runs = [_with_hole_note(replace(run, release=releases.of(run))) for run in runs]
    runs = with_planned_epochs(sorted(runs, key=lambda run: _natural(run.name)), planned_epochs)
    return Runs(runs, str(logdir), [*found.skipped, *reader.skipped])


def _with_names_of_their_own(runs: list[Run]) -> list[Run]:
    """The runs, those that bear a name again (a folder called like a numbered training) with a mark behind it."""
    taken: set[str] = set()
    result = []
    for run in runs:
        name = next(n for n in chain([run.name], (f"{run.name}~{k}" for k in count(2))) if n not in taken)
        taken.add(name)
        result.append(run if name == run.name else replace(run, name=name))
    return result


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key that puts ``run_2`` before ``run_10``."""
    pieces: list[tuple[int, int, str]] = []
    digits = text = ""
    for character in [*name, "\0"]:
        if character.isdecimal():
            if text:
                pieces.append((1, 0, text))
                text = ""
            digits += character
        else:
            if digits:
                pieces.append((0, int(digits), ""))
                digits = ""
            text += character
    return [*pieces, (1, 0, text)]


@dataclass(frozen=True)
class _EventFile:
    path: Path
    columns: EventColumns


class _Reader:
    """Reads the files of one log folder; what cannot be read is kept in ``skipped``."""

    def __init__(
        self, found: Found, logdir: Path, progress: Progress | None, total: int, given: list[Path], epoch_axis: str
    ) -> None:
        self.found = found
        self.single = logdir.is_file()
        self.logdir = logdir
        self.skipped: list[Skipped] = []
        self.given = [*given, *([logdir] if self.single else [])]
        self._epoch_axis = epoch_axis
        self._cache = event_cache()
        self._progress = progress
        self._total = total
        self._done = 0

    def event_runs(self) -> list[Run]:
        by_folder: dict[Path, list[_EventFile]] = {}
        for path in self.found.event_files:
            if (columns := self._events(path)) is not None:
                by_folder.setdefault(path.parent, []).append(_EventFile(path, columns))
        tags = {folder: {tag for file in files for tag in file.columns.tags} for folder, files in by_folder.items()}
        places = writer_folders(tags, self.found.root)
        by_root: dict[Path, list[tuple[_EventFile, str]]] = {}
        for folder, files in by_folder.items():
            root, writer = places[folder]
            by_root.setdefault(root, []).extend((file, writer) for file in files)
        return [run for root, members in by_root.items() for run in self._runs_of(root, members)]

    def _events(self, path: Path) -> EventColumns | None:
        self._tick()
        try:
            return read_event_file(path, self._cache)
        except (OSError, NotALogError) as error:
            self.skipped.append(Skipped(str(path), _why(error)))
        return None

    def _tick(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)

    def _runs_of(self, root: Path, members: list[tuple[_EventFile, str]]) -> list[Run]:
        parts = [part for file, writer in members for part in _parts(file, writer)]
        own, strangers = detach_strangers(parts)
        groups = [(root, own)]
        for writer in sorted({part.writer for part in strangers}):
            alone = [part for part in strangers if part.writer == writer]
            groups.append((root / writer, [replace(part, writer="") for part in alone]))
        files = {str(file.path): file.columns for file, _ in members}
        return [run for folder, group in groups for run in self._event_run(folder, group, files)]

    def _event_run(self, root: Path, parts: list[Part], files: dict[str, EventColumns]) -> list[Run]:
        found = trainings(parts)
        runs = []
        for number, training in enumerate(found, start=1):
            writers = {part.path: part.writer for part in training.parts}
            damage = [item for source in writers for item in files[source].damage]
            others = {
                f"{writer}/{tag}".lstrip("/"): what
                for source, writer in writers.items()
                for tag, what in files[source].others.items()
            }
            run = _run(self._name(root), root, training, self._axis("events"), damage, [], others)
            runs.append(_numbered(run, number, len(found)))
        return runs

    def _axis(self, hint: str) -> str:
        """The given axis, where there is something that counts: rows without a number stay rows."""
        return hint if self._epoch_axis == "auto" or hint == "row" else self._epoch_axis

    def _name(self, root: Path) -> str:
        if self.single:
            return self.logdir.stem
        return root.relative_to(self.logdir).as_posix()

    def history_runs(self, paths: Iterable[Path], taken: set[str]) -> list[Run]:
        paths = list(paths)
        downloads = dict.fromkeys(path for path in paths if is_download(path))  # a set that keeps order
        runs = self._downloaded_runs(downloads)
        for path in paths:
            if path in downloads:
                continue
            self._tick()
            for suffix, history in self._read_history(path):
                name = self._history_name(path, taken | {run.name for run in runs}) + suffix
                found = trainings(history.parts) or [Training((), (), (), ())]
                for number, training in enumerate(found, start=1):
                    run = _run(
                        name,
                        path.parent,
                        training,
                        self._axis(history.axis),
                        history.damage,
                        history.notes,
                        {},
                        [str(path)],
                    )
                    runs.append(_numbered(run, number, len(found)))
        return runs

    def _read_history(self, path: Path) -> list[tuple[str, History]]:
        """The histories in a file, each with what its run's name ends in; none where it cannot be read."""
        as_json = path.suffix.lower() in (".json", ".jsonl", ".ndjson")
        try:
            return read_json_history(path) if as_json else [("", read_history(path))]
        except (OSError, NotALogError) as error:
            if not as_json or "not taken for" not in str(error) or path in self.given:  # most JSON files are no logs
                self.skipped.append(Skipped(str(path), _why(error)))
        return []

    def _downloaded_runs(self, paths: Iterable[Path]) -> list[Run]:
        """Runs from TensorBoard's CSV downloads: those of one folder whose names name the same run are one."""
        together: dict[tuple[Path, str], list[Path]] = {}
        for path in paths:
            together.setdefault((path.parent, run_of_download(path)[0]), []).append(path)
        runs = []
        for (folder, name), files in together.items():
            parts: list[Part] = []
            damage: list[Damage] = []
            for path in files:
                self._tick()
                try:
                    part, broken = read_download(path)
                except (OSError, NotALogError) as error:
                    self.skipped.append(Skipped(str(path), _why(error)))
                    continue
                parts.append(part)
                damage += broken
            found = trainings([piece for part in of_one_writer(parts) for piece in split_at_restarts(part)])
            sources = [part.path for part in parts]
            for number, training in enumerate(found, start=1):
                name_below = self._history_name(folder / f"{name}.csv", set())
                run = _run(name_below, folder, training, self._axis("step"), damage, [], {}, sources)
                runs.append(_numbered(run, number, len(found)))
        return runs

    def _history_name(self, path: Path, taken: set[str]) -> str:
        if self.single:
            return path.stem
        try:
            below = path.relative_to(self.logdir)
        except ValueError:
            below = Path(path.name)
        stem = below.with_suffix("").as_posix()
        return below.as_posix() if stem in taken else stem


def _why(error: OSError | NotALogError) -> str:
    """Why a file was left out, in a sentence."""
    return str(error) if isinstance(error, NotALogError) else f"cannot be read: {error.strerror or error}"


def _parts(file: _EventFile, writer: str) -> list[Part]:
    columns = file.columns
    part = Part(
        path=str(file.path), writer=writer, started=columns.first_wall_time, tags=columns.tags,
        tag_id=columns.tag_id, step=columns.step, wall_time=columns.wall_time, value=columns.value,
    )  # fmt: skip
    return split_at_restarts(part, columns.restarts)


def _run(
    name: str, folder: Path, training: Training, axis_hint: str, damage: Iterable[Damage],
    notes: Iterable[str], others: dict[str, tuple[str, int]], sources: list[str] | None = None,
) -> Run:  # fmt: skip
    placing = place(training, axis_hint)
    axis, table, decided = by_epoch(training, axis_hint, placing)
    fit_epochs, replaced = _fits(training, placing, axis_hint)
    return Run(
        name=name, folder=str(folder), table=table, axis=axis,
        sources=tuple(sources or dict.fromkeys(part.path for part in training.parts)),
        sessions=training.sessions, damage=tuple(damage), notes=(*notes, *decided),
        parts=training.parts, session_of=training.session_of, replaced_from=training.replaced_from,
        event_tags=others, fit_epochs=fit_epochs, replaced=replaced,
    )  # fmt: skip


def _fits(
    training: Training, placing: Placing, axis_hint: str
) -> tuple[tuple[tuple[int, int], ...], tuple[dict[str, Metric], ...]]:
    """The epochs of each session that logged any, and its own metrics by epoch."""
    if placing.axis.kind != "epoch" or len(training.sessions) < 2:
        return (), ()
    spans, tables = [], []
    for number in range(len(training.sessions)):
        _, table, _ = by_epoch(training.only(number), axis_hint, placing)
        epochs = [metric.epoch for metric in table.values() if len(metric.epoch)]
        if epochs:
            spans.append((min(int(e[0]) for e in epochs), max(int(e[-1]) for e in epochs) + 1))
            tables.append(table)
    return tuple(spans), tuple(tables)


def _with_hole_note(run: Run) -> Run:
    """A word on epochs that event files lack, and why: it looks like a validation every few epochs, and is none."""
    if not run.event_tags or not run.unlogged_epochs:
        return run
    note = (
        f"{len(run.unlogged_epochs)} epochs are in no event file at all (Keras 3 leaves them out with an integer "
        "update_freq): a CSV of the training beside them fills such holes"
    )
    return replace(run, notes=(*run.notes, note))


def _numbered(run: Run, number: int, count: int) -> Run:
    if count == 1:
        return run
    note = f"training {number} of {count} in the same place"
    return replace(run, name=f"{run.name}#{number}", notes=(*run.notes, note))
