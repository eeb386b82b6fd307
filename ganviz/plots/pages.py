"""Which views are looked at together, beside those of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MOST = 4
"""Views of a page that are shown."""


@dataclass(frozen=True)
class Page:
    """A page of views, the first `MOST` of them that apply; a view may stand on several."""

    title: str
    help: str
    views: tuple[str, ...]


PAGES: Mapping[str, Page] = MappingProxyType(
    {
        "overview": Page(
            "Overview",
            "How the training goes",
            ("losses", "scores", "divergences", "modes", "gradients"),
        ),
        "training": Page(
            "Training",
            "What the players' own batches say, step by step",
            ("losses", "scores", "gradients", "clipping"),
        ),
        "quality": Page(
            "Quality",
            "How near the generator is to the data, with what a perfect one would score",
            ("divergences", "distances", "fidelity", "modes"),
        ),
        "optimum": Page(
            "Optimum",
            "What theory says of the present state: the best discriminator, the transport, the spectrum of the game",
            ("optimum", "transport", "lipschitz", "spectrum"),
        ),
        "inside": Page(
            "Inside",
            "Weights, gradients and units of each layer",
            ("weights_generator", "weights_discriminator", "layer_gradients", "units"),
        ),
    }
)


def on_paper(view: str) -> bool:
    """Whether a view belongs to the figure of a whole run: those of the data, of the training, and of the quality."""
    told = {name for page in ("overview", "training", "quality") for name in PAGES[page].views}
    return view in told or not any(view in page.views for page in PAGES.values())
