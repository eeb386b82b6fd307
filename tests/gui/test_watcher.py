"""The thread that makes something of the newest job, without Qt."""

import threading
import time

import pytest

from ganviz.gui.watcher import Watcher


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def failures():
    return []


@pytest.fixture
def watcher(failures):
    made = Watcher("watching", failures.append)
    made.start()
    yield made
    assert made.stop(5)
    assert not made.alive


def test_a_job_runs_on_a_thread_of_its_own_and_nobody_waits(watcher):
    gate, names = threading.Event(), []

    def job():
        gate.wait(10)
        names.append(threading.current_thread().name)

    assert watcher.idle
    began = time.monotonic()
    watcher.do(job)
    assert time.monotonic() - began < 1
    assert not watcher.idle
    gate.set()
    wait_for(lambda: watcher.idle)
    assert names == ["watching"]


def test_a_failure_is_told_and_the_next_job_runs(watcher, failures):
    def fail():
        raise ZeroDivisionError("no")

    done = []
    watcher.do(fail)
    wait_for(lambda: watcher.idle)
    watcher.do(lambda: done.append(1))
    wait_for(lambda: watcher.idle)
    assert [str(error) for error in failures] == ["no"]
    assert done == [1]


def test_stopping_takes_no_more_jobs(failures):
    watcher = Watcher("watching", failures.append)
    # One that was never started has nothing to end.
    assert watcher.stop(0)
    watcher = Watcher("watching", failures.append)
    watcher.start()
    begun, gate = threading.Event(), threading.Event()
    watcher.do(lambda: (begun.set(), gate.wait(10)))
    assert begun.wait(10)
    assert not watcher.stop(0.05)
    gate.set()
    assert watcher.stop(5)
    assert failures == []


def test_the_end_of_a_job_is_told_once_another_may_begin(failures):
    told = []
    watcher = Watcher("watching", failures.append, lambda: told.append(watcher.idle))
    watcher.start()
    watcher.do(lambda: None)
    wait_for(lambda: told)
    watcher.do(lambda: 1 / 0)
    wait_for(lambda: len(told) == 2)
    assert told == [True, True]
    assert len(failures) == 1
    assert watcher.stop(5)
