"""Callbacks for rules that Keras does not have: text to hand out with the advice, never imported."""

import keras


class GeneralizationLoss(keras.callbacks.Callback):
    """Prechelt's GL: stop at the first value more than alpha percent worse than the best so far."""

    def __init__(self, monitor, alpha, mode="min", start_from_epoch=0):
        super().__init__()
        self.monitor, self.alpha = monitor, alpha
        self.mode, self.start_from_epoch = mode, start_from_epoch

    def on_train_begin(self, logs=None):
        self.best = None

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.monitor)
        if value is None or epoch < self.start_from_epoch:
            return
        better = self.best is None or (value > self.best if self.mode == "max" else value < self.best)
        if better and value == value:
            self.best = value
        if self.best is not None:
            ratio = self.best / value if self.mode == "max" else value / self.best
            if value != value or 100 * (ratio - 1) > self.alpha:
                self.model.stop_training = True


class LookBack(keras.callbacks.Callback):
    """Stop at the first value that gained less than min_delta over the one patience evaluations ago."""

    def __init__(self, monitor, patience, min_delta=0.0, mode="min", start_from_epoch=0):
        super().__init__()
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.sign, self.start_from_epoch = (1 if mode == "max" else -1), start_from_epoch

    def on_train_begin(self, logs=None):
        self.values = []

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.monitor)
        if value is None or epoch < self.start_from_epoch:
            return
        self.values.append(float(value))
        if len(self.values) > self.patience:
            now, then = self.values[-1], self.values[-1 - self.patience]
            if self.sign * (now - then) < self.min_delta or (now != now and then == then):
                self.model.stop_training = True


class ProductivityQuotient(keras.callbacks.Callback):
    """Prechelt's PQ: at the end of a strip, generalization loss over the progress of training above alpha."""

    def __init__(self, monitor, alpha, training=None, strip_length=5, mode="min", start_from_epoch=0):
        super().__init__()
        self.monitor, self.alpha, self.strip_length = monitor, alpha, strip_length
        self.training = training or monitor.removeprefix("val_")
        self.mode, self.start_from_epoch = mode, start_from_epoch

    def on_train_begin(self, logs=None):
        self.best, self.strip = None, []

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.monitor)
        if value is None or epoch < self.start_from_epoch:
            return
        better = self.best is None or (value > self.best if self.mode == "max" else value < self.best)
        if better and value == value:
            self.best = value
        self.strip.append(logs.get(self.training, float("nan")))
        if len(self.strip) < self.strip_length:
            return
        strip, self.strip = self.strip, []
        if self.best is None or not all(loss > 0 for loss in strip):
            return
        ratio = self.best / value if self.mode == "max" else value / self.best
        loss = 100 * (ratio - 1) if value == value else float("inf")
        progress = 1000 * max(sum(strip) / (len(strip) * min(strip)) - 1, 0)
        if loss > self.alpha * progress:
            self.model.stop_training = True


class SmoothedEarlyStopping(keras.callbacks.EarlyStopping):
    """Keras' EarlyStopping on the curve as TensorBoard smooths it."""

    def __init__(self, smoothing, **parameters):
        super().__init__(**parameters)
        self.smoothing = smoothing

    def on_train_begin(self, logs=None):
        self.average, self.count = 0.0, 0
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.monitor)
        if value is not None and abs(value) < float("inf"):
            self.count += 1
            share = (1 - self.smoothing) / (1 - self.smoothing**self.count)
            self.average = value - (1 - share) * (value - self.average)
            logs = {**logs, self.monitor: self.average}
        super().on_epoch_end(epoch, logs)


class SuccessiveIncreases(keras.callbacks.Callback):
    """Prechelt's UP: stop when the value got worse from strip to strip, strips times in succession."""

    def __init__(self, monitor, strips, strip_length=5, mode="min", start_from_epoch=0):
        super().__init__()
        self.monitor, self.strips, self.strip_length = monitor, strips, strip_length
        self.sign, self.start_from_epoch = (1 if mode == "max" else -1), start_from_epoch

    def on_train_begin(self, logs=None):
        self.seen, self.last, self.rises = 0, None, 0

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.monitor)
        if value is None or epoch < self.start_from_epoch:
            return
        self.seen += 1
        if self.seen % self.strip_length:
            return
        if self.last is not None:
            worse = self.sign * (value - self.last) < 0 or (value != value and self.last == self.last)
            self.rises = self.rises + 1 if worse else 0
            if self.rises >= self.strips:
                self.model.stop_training = True
        self.last = value
