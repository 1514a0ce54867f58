"""Every error that cbreplay raises on purpose; each is also the nearest builtin."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .outcome import Outcome


class CbreplayError(Exception):
    """The root of all errors of this package."""


class LogNotFoundError(CbreplayError, FileNotFoundError):
    """The named log folder or file does not exist."""


class NothingReadableError(CbreplayError, ValueError):
    """There is no readable log where one was looked for."""


class NotALogError(CbreplayError, ValueError):
    """A file is not the log that its name promises; the message says what it is."""


class ParameterError(CbreplayError, ValueError):
    """A parameter of ours (not of a replayed callback) has a value that cannot be used."""


class CurveError(CbreplayError, ValueError):
    """A rule cannot be applied to the values of a run; the message says which value and why."""


class NotComparableError(CbreplayError, ValueError):
    """Two checkpoints cannot be compared; the message says why."""


class NoCheckpointError(CbreplayError, LookupError):
    """There is no checkpoint that could be recommended; the message says why."""


class UnknownProfileError(ParameterError):
    """A profile names a framework or a release that is not known."""


class UnknownRunError(CbreplayError, KeyError):
    """No run has the given name."""

    def __str__(self) -> str:  # KeyError would show the repr of the sentence
        return str(self.args[0])


class UnknownMetricError(CbreplayError, KeyError):
    """A run has no metric of the given name."""

    def __str__(self) -> str:
        return str(self.args[0])


class CallbackError(CbreplayError):
    """The replayed callback itself would have raised.

    ``type_name`` is the name of the original's exception, ``epoch`` the 0-based epoch in which it is
    raised (-1: in the constructor or before training), ``outcome`` what had happened until then. Of several
    fits, ``earlier`` has the outcomes of those before the one that failed.
    """

    type_name = "Exception"

    def __init__(self, message: str, *, epoch: int = -1, outcome: Outcome | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.epoch = epoch
        self.outcome = outcome
        self.earlier: tuple[Outcome, ...] = ()

    def __str__(self) -> str:
        when = "before training" if self.epoch < 0 else f"in epoch {self.epoch + 1} (index {self.epoch})"
        return f"the callback raises {self.type_name} {when}: {self.message}"


class CallbackValueError(CallbackError, ValueError):
    """The replayed callback would have raised ValueError."""

    type_name = "ValueError"


class CallbackTypeError(CallbackError, TypeError):
    """The replayed callback would have raised TypeError."""

    type_name = "TypeError"


class CallbackKeyError(CallbackError, KeyError):
    """The replayed callback would have raised KeyError."""

    type_name = "KeyError"


class CallbackIndexError(CallbackError, IndexError):
    """The replayed callback would have raised IndexError."""

    type_name = "IndexError"


class CallbackRuntimeError(CallbackError, RuntimeError):
    """The replayed callback would have raised RuntimeError."""

    type_name = "RuntimeError"


class CallbackAttributeError(CallbackError, AttributeError):
    """The replayed callback would have raised AttributeError."""

    type_name = "AttributeError"
