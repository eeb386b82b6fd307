"""What the system must have for a window, checked before Qt would abort the process for the lack of it."""

from __future__ import annotations

import ctypes
import os
import sys

LIBRARIES = {
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
}
"""What Qt's X11 platform loads, and the Debian package that each is in."""


def problem() -> str:
    """Return why no window can open here, as a sentence; empty if nothing is in the way."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if not sys.platform.startswith("linux") or platform.split(":")[0] in ("offscreen", "minimal", "vnc"):
        return ""
    if os.environ.get("WAYLAND_DISPLAY") and platform != "xcb":
        return ""
    if not os.environ.get("DISPLAY"):
        return (
            "the window cannot open: there is no display (DISPLAY and WAYLAND_DISPLAY are not set); "
            "ganviz run trains without a window"
        )
    missing = [package for library, package in LIBRARIES.items() if not _loads(library)]
    if missing:
        return (
            f"the window cannot open: system libraries are missing; on Debian or Ubuntu: apt-get install "
            f"{' '.join(missing)}"
        )
    if not _answers():
        return (
            f"the window cannot open: the display {os.environ['DISPLAY']} (DISPLAY) does not answer or refuses; "
            "ganviz run trains without a window"
        )
    return ""


def _answers() -> bool:
    """Whether the X server that DISPLAY names takes a connection; where that cannot be tried, Qt is to see."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    connection = xcb.xcb_connect(None, None)
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not failed


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
