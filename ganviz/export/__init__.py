"""The paper's painter: scenes into files."""

from .paper import FORMATS, draw

__all__ = ["FORMATS", "draw"]
