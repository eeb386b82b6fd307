"""What all commands say and ask in the same way."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

PROGRESS_EVERY = 2.0
"""Seconds between two lines of progress where there is no terminal."""


def say(*lines: str) -> None:
    """Print lines at once; whoever reads them may have had enough ("| head"), which is no error."""
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """End with the message and exit code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def new_parser(name: str, description: str) -> Parser:
    """Make the parser of a command."""
    return Parser(prog=name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def fail(sentence: str) -> int:
    """Say on standard error what went wrong; return the exit code."""
    print(f"ganviz: {sentence}", file=sys.stderr)
    return 2


def compile_engine(bits: int, say: Callable[[str], None]) -> None:
    """Compile the engine if it is not in its cache, and say so."""
    from ganviz.engine import warmup
    from ganviz.engine.compiler import cache_note

    if cache_note():
        say(cache_note())
    if not warmup.is_ready(bits):
        say("Compiling the engine for this computer. This happens once and takes some seconds.")
    with heeding_interrupts():
        warmup.warm(bits)


@contextmanager
def heeding_interrupts() -> Generator[None]:
    """Have an interrupt end what compiles, at the latest when it is done: Numba may lose it or make an error of it."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        # Interrupts are somebody else's.
        yield
        return
    met = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal met
        met = True
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception:
        if not met:
            raise
    finally:
        signal.signal(signal.SIGINT, before)
    if met:
        raise KeyboardInterrupt
