"""Decision rules of training callbacks, a module per framework; each rule exists once."""

from .base import Callback, Rule, Setting, SimulatedTraining, StoppingCallback, StoppingRule
from .keras import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, TerminateOnNaN
from .lookback import LookBack
from .prechelt import GeneralizationLoss, ProductivityQuotient, SuccessiveIncreases
from .profiles import Profile, list_profiles, resolve_profile
from .scored import ScoredRule
from .smoothed import SmoothedEarlyStopping

#: The rules that can stop a training, by the names that the command line and tables use.
STOPPING_RULES: dict[str, type[StoppingRule]] = {
    "keras": EarlyStopping,
    "lookback": LookBack,
    "smoothed": SmoothedEarlyStopping,
    "gl": GeneralizationLoss,
    "pq": ProductivityQuotient,
    "up": SuccessiveIncreases,
}

__all__ = [
    "STOPPING_RULES",
    "Callback",
    "EarlyStopping",
    "GeneralizationLoss",
    "LookBack",
    "ModelCheckpoint",
    "ProductivityQuotient",
    "Profile",
    "ReduceLROnPlateau",
    "Rule",
    "ScoredRule",
    "Setting",
    "SimulatedTraining",
    "SmoothedEarlyStopping",
    "StoppingCallback",
    "StoppingRule",
    "SuccessiveIncreases",
    "TerminateOnNaN",
    "list_profiles",
    "resolve_profile",
]
