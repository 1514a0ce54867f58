"""Keras' own callbacks, in every generation: one implementation each, the generations are data."""

from .early_stopping import EarlyStopping
from .model_checkpoint import ModelCheckpoint

__all__ = ["EarlyStopping", "ModelCheckpoint"]
