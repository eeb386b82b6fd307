"""The program as a person meets it: a process, a window on a display, a mouse and a keyboard (xdotool)."""

import ctypes
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import psutil
import pytest
from PySide6.QtGui import QImage

from ganviz.experiment import load, presets

pytestmark = pytest.mark.window

ROOT = Path(__file__).resolve().parents[2]
GRAB = """
import sys
from PySide6.QtGui import QGuiApplication
application = QGuiApplication([])
for line in sys.stdin:
    window, path = line.split()
    print(application.primaryScreen().grabWindow(int(window)).save(path), flush=True)
"""


def xdotool(*words):
    return subprocess.run(["xdotool", *map(str, words)], capture_output=True, text=True, check=False).stdout


class ClientMessage(ctypes.Structure):
    """Xlib's XClientMessageEvent, padded to the size of an XEvent."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("padding", ctypes.c_long * 24),
    ]


def ask_to_close(window):
    """Send WM_DELETE_WINDOW, as a window manager's close button does; older versions of xdotool cannot."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    protocols, delete = (x11.XInternAtom(display, name, False) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
    client_message = 33
    event = ClientMessage(type=client_message, window=window, message_type=protocols, format=32)
    event.data[0] = delete
    x11.XSendEvent(display, ctypes.c_ulong(window), False, ctypes.c_long(0), ctypes.byref(event))
    x11.XCloseDisplay(display)


def wait_until(condition, seconds=30.0):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    return pytest.fail(f"in vain: {condition}")


def real_environment(**more):
    own = {key: value for key, value in os.environ.items() if not key.startswith(("QT_QPA", "NUMBA"))}
    return {**own, "QT_QPA_PLATFORM": "xcb", "PYTHONPATH": str(ROOT), **more}


@pytest.fixture(scope="module")
def camera():
    """Take pictures of windows, in a process that has the display; this one may be without."""
    process = subprocess.Popen(
        [sys.executable, "-c", GRAB],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=real_environment(),
    )

    def take(window, path):
        process.stdin.write(f"{window} {path}\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == "True"
        return QImage(str(path))

    yield take
    process.stdin.close()
    process.wait(5)
    process.stdout.close()


class Program:
    """A running window."""

    def __init__(self, folder, arguments, environment):
        self.folder = folder
        self.output = folder / "output.txt"
        settings = {"XDG_CONFIG_HOME": str(folder / "config"), **environment}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "main.py", *arguments],
                cwd=ROOT,
                env=real_environment(**settings),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        found = wait_until(self._search)
        self.window = int(found.split()[-1])
        xdotool("windowactivate", "--sync", self.window)

    def _search(self):
        if self.process.poll() is not None:
            pytest.fail(f"the program ended at once: {self.output.read_text()}")
        return xdotool("search", "--onlyvisible", "--all", "--pid", self.process.pid, "--name", "^ganviz$")

    def key(self, *keys):
        xdotool("key", "--clearmodifiers", *keys)

    def click(self, x, y):
        xdotool("mousemove", "--window", self.window, x, y, "click", 1)

    def children(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def saved(self, name):
        """Save the experiment through the dialog, by keyboard; return what stands in the file."""
        path = self.folder / name
        before = xdotool("getactivewindow")
        self.key("ctrl+alt+s")
        dialog = wait_until(lambda: xdotool("getactivewindow").replace(before, ""))
        time.sleep(0.3)
        self.key("ctrl+a")
        xdotool("type", "--delay", 5, str(path))
        for _ in range(3):
            # Qt's dialog proposes names while one types, and the first Return may only close the list of them.
            if xdotool("getactivewindow") == dialog:
                self.key("Return")
            end = time.perf_counter() + 2
            while not path.is_file() and time.perf_counter() < end:
                time.sleep(0.02)
        wait_until(path.is_file)
        wait_until(lambda: xdotool("getactivewindow") == before)
        return tomllib.loads(path.read_text(encoding="utf-8"))

    def ends(self, seconds):
        """Expect the end of the process in good order; return how long it took."""
        began = time.perf_counter()
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the program still runs after {seconds:.1f} s: {self.output.read_text()}")
        assert code == 0, self.output.read_text()
        assert "Traceback" not in self.output.read_text()
        return time.perf_counter() - began


@pytest.fixture
def program(tmp_path):
    started = []

    def start(*arguments, **environment):
        started.append(Program(tmp_path, arguments, environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def close_by_the_window(program):
    ask_to_close(program.window)


def close_by_keys(program):
    program.key("alt+F4")


def close_by_the_menu(program):
    program.key("ctrl+q")


def close_by_interrupt(program):
    program.process.send_signal(signal.SIGINT)


def colours(image):
    return {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}


def is_training(camera, program, path):
    """Tell by two pictures whether anything moves."""
    first = camera(program.window, path)
    time.sleep(0.5)
    return camera(program.window, path) != first


def test_training_is_seen_and_obeys_the_keyboard(program, camera, tmp_path, a_second):
    own = program()
    path = tmp_path / "window.png"
    wait_until(lambda: is_training(camera, own, path))
    picture = QImage(str(path))
    assert picture.width() >= 1000
    assert picture.height() >= 600
    # Not blank: real, fake, discriminator, words, in many shades.
    assert len(colours(picture)) > 100
    own.key("space")
    wait_until(lambda: not is_training(camera, own, path), 10)
    paused = camera(own.window, path)
    own.key("Right")
    wait_until(lambda: camera(own.window, path) != paused, 5)
    wait_until(lambda: not is_training(camera, own, path), 10)
    own.key("space")
    wait_until(lambda: is_training(camera, own, path), 10)
    close_by_the_window(own)
    own.ends(a_second)


def test_a_preset_is_chosen_with_the_mouse(program, camera, tmp_path):
    own = program()
    wait_until(lambda: is_training(camera, own, tmp_path / "window.png"))
    first = own.saved("first.toml")
    assert first["title"] == load("ring-wgan-clip").title
    # The box of presets is the first in the row of controls, below the menu bar.
    own.click(120, 40)
    popup = wait_until(lambda: other_window(own))
    place = dict(line.split("=") for line in xdotool("getwindowgeometry", "--shell", popup).split())
    xdotool("mousemove", int(place["X"]) + 60, int(place["Y"]) + int(place["HEIGHT"]) // 2)
    time.sleep(0.5)
    xdotool("click", 1)
    wait_until(lambda: not other_window(own))
    chosen = own.saved("chosen.toml")
    assert chosen["title"] != first["title"]
    assert chosen["title"] in {preset.title for preset in presets()}
    wait_until(lambda: is_training(camera, own, tmp_path / "window.png"))


def other_window(program):
    """Return another visible window of the program, such as an open list."""
    found = xdotool("search", "--onlyvisible", "--all", "--pid", program.process.pid, "--name", "").split()
    sizes = {}
    for window in map(int, found):
        place = dict(line.split("=") for line in xdotool("getwindowgeometry", "--shell", window).split())
        if window != program.window and int(place.get("HEIGHT", 0)) > 50:
            sizes[window] = place
    return next(iter(sizes), 0)


@pytest.mark.parametrize(
    "close", [close_by_the_window, close_by_keys, close_by_the_menu, close_by_interrupt], ids=lambda way: way.__name__
)
def test_closing_while_training(program, camera, tmp_path, a_second, close):
    own = program("faithful")
    wait_until(lambda: is_training(camera, own, tmp_path / "window.png"))
    close(own)
    own.ends(a_second)


@pytest.mark.parametrize("close", [close_by_the_window, close_by_interrupt], ids=lambda way: way.__name__)
def test_closing_while_compiling(program, tmp_path, a_second, close):
    own = program(XDG_CACHE_HOME=str(tmp_path / "cache"))
    compilers = wait_until(own.children)
    time.sleep(1.0)
    assert any(child.is_running() for child in compilers)
    close(own)
    own.ends(a_second)
    assert not [child for child in compilers if child.is_running()]
