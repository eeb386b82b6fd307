"""The window's looks: a palette and a style sheet made of a theme's colours."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from ganviz.plots.theme import Theme


def apply(application: QApplication, theme: Theme) -> None:
    """Colour all widgets by a theme.

    ``QStyleHints.setColorScheme`` has no effect offscreen and on a bare X server, so the palette is set as well.
    """
    application.setStyle("Fusion")
    application.setPalette(_palette(theme))
    application.setStyleSheet(_sheet(theme))


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    colours = {
        role.Window: theme.background,
        role.Base: theme.surface,
        role.AlternateBase: theme.background,
        role.Button: theme.background,
        role.ToolTipBase: theme.surface,
        role.WindowText: theme.text,
        role.Text: theme.text,
        role.ButtonText: theme.text,
        role.ToolTipText: theme.text,
        role.PlaceholderText: theme.muted,
        role.Highlight: theme.roles["real"],
        role.HighlightedText: "#ffffff" if not theme.dark else "#000000",
        role.Mid: theme.grid,
        role.Link: theme.roles["real"],
    }
    for name, colour in colours.items():
        palette.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(theme.muted))
    return palette


def _sheet(theme: Theme) -> str:
    real, fake = theme.roles["real"], theme.roles["fake"]
    return f"""
    QToolTip {{ color: {theme.text}; background: {theme.surface}; border: 1px solid {theme.grid}; padding: 4px; }}
    QToolButton#group {{
        border: none; border-bottom: 1px solid {theme.grid}; padding: 5px 2px; font-weight: 600; text-align: left;
    }}
    QToolButton#group:hover {{ color: {real}; }}
    QLabel#field[pending="true"] {{ color: {fake}; font-weight: 600; }}
    QLabel#status {{ color: {theme.muted}; }}
    QLabel#step, QLabel#laneName {{ font-weight: 600; }}
    QFrame#banner {{ background: {theme.surface}; border: 1px solid {fake}; border-radius: 4px; }}
    QFrame#findings {{ background: {theme.surface}; border: 1px solid {theme.grid}; border-radius: 4px; }}
    QTabBar::tab {{ padding: 4px 12px; }}
    QTabBar::tab:selected {{ font-weight: 600; border-bottom: 2px solid {real}; }}
    QPushButton#restart {{
        background: {fake}; color: #000000; font-weight: 600; padding: 4px 12px; border-radius: 4px;
    }}
    QPushButton, QComboBox, QLineEdit {{ min-height: 20px; }}
    QLineEdit {{ border: 1px solid {theme.grid}; border-radius: 3px; padding: 0 4px; background: {theme.surface}; }}
    QComboBox QLineEdit {{ border: none; }}
    QCheckBox::indicator:unchecked {{
        border: 1px solid {theme.muted}; border-radius: 2px; background: {theme.surface}; width: 13px; height: 13px;
    }}
    QPushButton:focus, QLineEdit:focus, QToolButton:focus {{ border: 1px solid {real}; }}
    QSplitter::handle {{ background: {theme.grid}; }}
    QSlider::groove:horizontal {{ height: 4px; background: {theme.grid}; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {real}; border-radius: 2px; }}
    QSlider::handle:horizontal {{
        width: 12px; margin: -5px 0; border-radius: 6px; background: {theme.surface}; border: 2px solid {real};
    }}
    QSlider::handle:horizontal:focus {{ border-color: {fake}; }}
    """
