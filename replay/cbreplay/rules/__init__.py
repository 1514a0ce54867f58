"""Decision rules of training callbacks, a module per framework; each rule exists once."""

from .base import Callback, Rule, Setting, SimulatedTraining
from .keras import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, TerminateOnNaN
from .lookback import LookBack
from .profiles import Profile, list_profiles, resolve_profile

__all__ = [
    "Callback",
    "EarlyStopping",
    "LookBack",
    "ModelCheckpoint",
    "Profile",
    "ReduceLROnPlateau",
    "Rule",
    "Setting",
    "SimulatedTraining",
    "TerminateOnNaN",
    "list_profiles",
    "resolve_profile",
]
