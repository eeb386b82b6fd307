"""The documents say what the program does, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from ganviz.experiment.describe import describe
from ganviz.metrics import METRICS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z]+:")


def links(page: Path) -> list[str]:
    """Return the files that a page links to, without those of other hosts and places on the page itself."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [
        target.partition("#")[0] for target in LINK.findall(text) if not ELSEWHERE.match(target) and target[0] != "#"
    ]


def test_the_page_of_parameters_is_the_one_that_the_table_gives():
    page = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    assert page == describe(), "write it anew: python -m ganviz.experiment.describe > docs/parameters.md"


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_defined(name):
    page = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
    assert re.search(rf"\b{name}\b", page)


def test_the_readme_leads_to_every_page():
    linked = {(ROOT / target).resolve() for target in links(ROOT / "README.md")}
    assert set(PAGES[1:]) <= linked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page):
    missing = [target for target in links(page) if not (page.parent / target).exists()]
    assert not missing
