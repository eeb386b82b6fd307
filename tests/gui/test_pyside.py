"""Releases of PySide6 have lost a reference to None and True with every signal, until Python aborted."""

import gc
import sys

import pytest
from PySide6.QtCore import QObject, Signal, Slot

EMITS = 500


class Emitter(QObject):
    plain = Signal()
    switched = Signal(bool)


class Receiver(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    @Slot()
    def receive(self) -> None:
        self.calls += 1

    @Slot(bool)
    def switch(self, on: bool) -> None:
        self.calls += on


def counts() -> tuple[int, ...]:
    gc.collect()
    return tuple(map(sys.getrefcount, (None, True, False)))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None and True are immortal: their counts mean nothing")
def test_signals_lose_no_reference_to_none_and_true(qapp):
    emitter, receiver = Emitter(), Receiver()
    seen: list[bool] = []
    emitter.plain.connect(receiver.receive)
    emitter.switched.connect(receiver.switch)
    emitter.switched.connect(seen.append)
    before = counts()
    for _ in range(EMITS):
        emitter.plain.emit()
        emitter.switched.emit(True)
    seen.clear()
    after = counts()
    assert receiver.calls == 2 * EMITS
    # Other code may take or leave some; a loss at each emit would be hundreds.
    for name, earlier, later in zip(("None", "True", "False"), before, after, strict=True):
        assert abs(later - earlier) < EMITS // 5, name
