"""The table of parameters as a page: ``python -m ganviz.experiment.describe`` prints docs/parameters.md."""

from __future__ import annotations

from .experiment import TABLE
from .parameter import Parameter, display
from .rules import RULES


def describe() -> str:
    """Return the page in Markdown."""
    lines = [
        "# Parameters",
        "",
        "Written by `python -m ganviz.experiment.describe` from the table of parameters that the program itself uses.",
        "Every field has a default. `ganviz run EXPERIMENT --set PATH=VALUE` changes one; a TOML file holds them in",
        "sections. *Live* fields change in a running training, the others with a restart.",
    ]
    section = ""
    for row in sorted(TABLE, key=_place):
        if _section(row) != section:
            section = _section(row)
            lines += [
                "",
                f"## {section}",
                "",
                "| field | allowed | default | live | meaning |",
                "| --- | --- | --- | --- | --- |",
            ]
        live = "yes" if row.live else "no"
        meaning = row.help.replace("|", "\\|")
        lines.append(f"| `{row.path}` | {row.allowed} | {_default(row)} | {live} | {meaning} |")
        if row.reserved:
            lines.append(f"| | not available yet: {', '.join(map(str, row.reserved))} | | | |")
    lines += ["", "## What does not go together", ""]
    lines += [
        f"- `{rule.path}` with {' and '.join(f'`{path}`' for path in rule.beside)}: {rule.reason}; {rule.remedy}."
        for rule in RULES
    ]
    return "\n".join(lines) + "\n"


def _default(row: Parameter) -> str:
    others = [
        f"`{display(value)}` for {kind}" for defaults in row.default_for.values() for kind, value in defaults.items()
    ]
    return ", ".join([f"`{display(row.default)}`", *others])


def _section(row: Parameter) -> str:
    kinds = row.when.get("data.kind")
    if row.path.startswith("data.") and kinds:
        return f"data of kind {kinds[0]}"
    return row.path.rpartition(".")[0] or "experiment"


def _place(row: Parameter) -> tuple[int, str]:
    order = ("experiment", "data")
    section = _section(row)
    return (order.index(section) if section in order else 2 if section.startswith("data") else 3), section


if __name__ == "__main__":
    print(describe(), end="")
