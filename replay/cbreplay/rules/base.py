"""What every rule has in common: parameters, a callback at work, and the training that it acts on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CallbackTypeError

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..outcome import CallbackRecord
    from .profiles import Profile

Logs = Mapping[str, Any]


def as_float32(value: float) -> float:
    """``value`` as a float32 variable holds it: rounded, and infinite beyond its range."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


@dataclass(frozen=True)
class Setting:
    """What a callback finds in the model: ``compiled_metrics`` maps a metric's name to ``"up"``, ``"down"`` or None.

    None as a whole says that the model is not known.
    """

    compiled_metrics: Mapping[str, str | None] | None = None


@dataclass
class SimulatedTraining:
    """The state that callbacks of one ``fit`` share. Epochs are 0-based."""

    fit: int = 0  #: the number of this fit among those of a resumed training, from 0
    epoch: int = -1
    weights_epoch: int | None = None  #: whose weights the model holds now
    stop_training: bool = False
    learning_rate: float | None = None  #: of the optimizer, as float32 holds it; None where it is not known
    restored_epoch: int | None = None
    files: dict[str, int] = field(default_factory=dict)  #: file -> epoch that last wrote it
    file_weights: dict[str, int | None] = field(default_factory=dict)
    writes: list[tuple[int, str]] = field(default_factory=list)
    fits_of_writes: list[int] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)  #: what the original warns about, in order
    notes: dict[str, None] = field(default_factory=dict)  #: what the replay assumed, in order

    def write(self, name: str) -> None:
        """Write (or overwrite) a file with the weights that the model holds now."""
        self.files.pop(name, None)
        self.files[name] = self.epoch
        self.file_weights[name] = self.weights_epoch
        self.writes.append((self.epoch, name))
        self.fits_of_writes.append(self.fit)

    def restore(self, epoch: int) -> None:
        """Put the weights of ``epoch`` back into the model."""
        self.weights_epoch = self.restored_epoch = epoch

    def warn(self, text: str) -> None:
        """Note a warning of the original callback; repeated ones count once."""
        self.warnings[text] = None

    def note(self, text: str) -> None:
        """Note what the replay had to assume; repeated ones count once."""
        self.notes[text] = None


class Callback(ABC):
    """One callback object at work. Its hooks are called in the order in which ``fit`` calls them."""

    rule: Rule

    def on_train_begin(self, training: SimulatedTraining) -> None:  # noqa: B027 - optional hook
        """Before the first epoch of a fit."""

    def on_train_batch_end(self, batch: int, logs: Logs, training: SimulatedTraining) -> None:  # noqa: B027
        """After a batch (0-based within its epoch)."""

    @abstractmethod
    def on_epoch_end(self, epoch: int, logs: dict[str, Any], training: SimulatedTraining) -> None:
        """After an epoch and its validation; what is put into ``logs`` is seen by the callbacks behind."""

    def on_train_end(self, training: SimulatedTraining) -> None:  # noqa: B027 - optional hook
        """After the last epoch of a fit."""

    @abstractmethod
    def record(self) -> CallbackRecord:
        """What this callback did in the fit so far."""


class StoppingCallback(Callback):
    """A callback that can end training because of a metric."""

    @abstractmethod
    def maximizes(self, training: SimulatedTraining) -> bool:
        """Whether higher is better; raises what the original raises where it cannot tell."""


class Rule(ABC):
    """The parameters of a callback, as its constructor takes them."""

    @abstractmethod
    def start(self, profile: Profile, setting: Setting) -> Callback:
        """A fresh callback object of the profile's release; raises what the real constructor raises."""

    def watches(self) -> tuple[str, ...]:
        """The metrics that it looks at, the monitor first."""
        monitor = self.parameters().get("monitor")
        return () if monitor is None else (str(monitor),)

    def parameters(self) -> dict[str, Any]:
        """Constructor arguments by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]

    def with_parameters(self, **parameters: Any) -> Self:
        """The same rule with other values for some of its parameters."""
        return replace(self, **parameters)  # type: ignore[type-var]

    def changed_parameters(self) -> dict[str, Any]:
        """The constructor arguments that differ from their defaults."""
        return {
            item.name: value
            for item in fields(self)  # type: ignore[arg-type]
            if (value := getattr(self, item.name)) is not item.default and value != item.default
        }

    def call(self, *always: str) -> str:
        """The rule as Python code: its class, called with what differs from the defaults, and what is named."""
        first = {
            name: value for name, value in self.parameters().items() if name in ("filepath", "monitor", "patience")
        }
        named = {name: value for name, value in self.parameters().items() if name in always}
        told = first | named | self.changed_parameters()
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in told.items())})"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict: the class's name under ``rule``, then its parameters."""
        return {"rule": type(self).__name__, **self.parameters()}


class StoppingRule(Rule):
    """The parameters of a callback that can end training because of a metric."""

    monitor: str
    mode: str
    start_from_epoch: int

    @abstractmethod
    def start(self, profile: Profile, setting: Setting) -> StoppingCallback:
        """A fresh callback object of the profile's release; raises what the real constructor raises."""


def refuse_unknown_parameters(rule: Rule, known: tuple[str, ...]) -> None:
    """Raise what Python raises when a constructor of that release gets an argument that it does not have."""
    for name in rule.changed_parameters():
        if name not in known:
            owner = type(rule).__name__
            raise CallbackTypeError(f"{owner}.__init__() got an unexpected keyword argument '{name}'")
