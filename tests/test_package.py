"""The package from outside: its versions, its command line, and what it says to bad input."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ganviz
from ganviz import cli

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    Requirement(line)
    for line in (*PROJECT["dependencies"], *EXTRAS["test"], *EXTRAS["dev"])
    if not line.startswith("ganviz")
]
WINDOW_COMMAND = "python3 -m venv .venv && .venv/bin/python -m pip install . && .venv/bin/ganviz"
TEST_COMMAND = (
    'python3 -m venv .venv-test && .venv-test/bin/python -m pip install -e ".[test]"'
    " && .venv-test/bin/python -m pytest -n 2 --dist loadfile"
)
# Where packages come from is the business of whoever installs; no file may settle it. In two halves, so that this
# file passes too.
REGISTRIES = (
    ("py", "pi.org"),
    ("python", "hosted.org"),
    ("npm", "js.org"),
    ("npm", "js.com"),
    ("conda.ana", "conda.org"),
    ("crates", ".io"),
)


def test_the_version_is_the_same_everywhere():
    assert PROJECT["version"] == ganviz.__version__


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_dependency_has_a_lower_bound(requirement):
    assert any(part.operator in (">=", "==", "~=") for part in requirement.specifier)


def test_releases_of_pyside_that_break_the_window_are_excluded():
    requirement = next(entry for entry in REQUIREMENTS if entry.name == "PySide6-Essentials")
    # References to None and True are lost; pyqtgraph breaks; docks do not go back.
    for broken in ("6.12.0", "6.12.1", "6.9.1", "6.9.2", "6.11.0", "6.11.1"):
        assert not requirement.specifier.contains(broken), broken
    for sound in ("6.10.3", "6.11.3"):
        assert requirement.specifier.contains(sound), sound


@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_the_constraints_pin_what_the_project_allows(python):
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins: dict[str, str] = {}
    for pin in map(Requirement, (line for line in lines if line and not line.startswith("#"))):
        if pin.marker is None or pin.marker.evaluate({**default_environment(), "python_version": python}):
            name = canonicalize_name(pin.name)
            assert name not in pins, f"{name} is pinned twice on Python {python}"
            (exact,) = pin.specifier
            assert exact.operator == "=="
            pins[name] = exact.version
    for requirement in REQUIREMENTS:
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_no_file_names_a_package_registry():
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    listing = subprocess.run(
        [git, "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    hosts = re.compile("|".join(re.escape(a + b) for a, b in REGISTRIES).encode())
    naming: list[str] = []
    for name in listing.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and (found := hosts.search(path.read_bytes())):
            naming.append(f"{name}: {found.group().decode()}")
    assert not naming


@pytest.mark.parametrize("command", [WINDOW_COMMAND, TEST_COMMAND], ids=["window", "tests"])
def test_the_readme_has_the_command(command):
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("command", [("-m", "ganviz"), ("main.py",)], ids=" ".join)
def test_every_way_to_start_tells_the_version(command):
    done = start(*command, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ganviz {ganviz.__version__}\n", "")


def test_an_unknown_preset_ends_in_one_line():
    done = start("-m", "ganviz", "ring-wgan-clop")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("ganviz: ring-wgan-clop: ")


@pytest.fixture
def refusal(capsys):
    """Run the command line in this process; return the one line that it ends with."""

    def refused(*arguments: str) -> str:
        try:
            code = cli.main(arguments)
        except SystemExit as error:
            code = error.code
        out, err = capsys.readouterr()
        assert code == 2
        assert out == ""
        assert err.startswith("ganviz")
        assert len(err.splitlines()) == 1
        return err

    return refused


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("discriminator.clipp=0.1", ["discriminator.clipp", "0.1", "did you mean discriminator.clip?"]),
        ("optimizer.generator.learning_rate=-1", ["optimizer.generator.learning_rate = -1", "from 0"]),
        ("optimizer.generator.learning_rate=nan", ["optimizer.generator.learning_rate = nan", "from 0"]),
        ("optimizer.generator.learning_rate=fast", ['optimizer.generator.learning_rate = "fast"', "a number"]),
        ("schedule.batch=0", ["schedule.batch = 0", "from 1"]),
        ("objective.kind=wassertein", ["objective.kind", "wassertein", "wasserstein"]),
        ("precision=16", ["precision", "16", "32"]),
        ("clip", ["--set clip", "PATH=VALUE"]),
    ],
)
def test_a_bad_setting_ends_in_one_line_that_names_field_and_value(refusal, setting, words):
    line = refusal("run", "faithful.csv", "--set", setting)
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--steps", "-5"), ["--steps", "-5"]),
        (("--steps", "many"), ["--steps", "many"]),
        (("--seed", "1.5"), ["--seed", "1.5"]),
        (("--speed", "3"), ["--speed"]),
    ],
)
def test_a_bad_option_ends_in_one_line(refusal, arguments, words):
    line = refusal("run", "faithful.csv", *arguments)
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty"]),
        (b"name,town\nAda,London\nEmmy,Erlangen\n", ["name", "Ada"]),
        (b"width,height\n1,5\n2,5\n3,5\n", ["column height", "5", "differ"]),
        (b"width,height\n1,4\n2,inf\n3,5\n", ["column height", "line 3", "inf", "finite"]),
        (b"width,height\n1,4\n2\n", ["line 3", "1 cells"]),
        (b"\xff\xfe\x00", ["line 1", "UTF-8"]),
        (b"a,b,c\n1,2,3\n4,5,7\n", ["a, b, c", "data.columns"]),
    ],
    ids=["empty", "text", "constant", "inf", "ragged", "bytes", "three columns"],
)
def test_a_bad_csv_ends_in_one_line_that_names_the_file_and_the_place(refusal, tmp_path, content, words):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    line = refusal("run", str(path))
    for word in (str(path), *words):
        assert word in line


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((3, 4, 2)), ["(3, 4, 2)"]),
        (np.array(["a", "b"]), ["<U1"]),
        (np.array([1.0, np.inf, 2.0]), ["row 2", "inf"]),
        (np.full((9, 2), 3.0), ["column 1", "3"]),
    ],
    ids=["3-D", "text", "inf", "constant"],
)
def test_a_bad_npy_ends_in_one_line_that_names_the_file_and_the_place(refusal, tmp_path, values, words):
    path = tmp_path / "bad.npy"
    np.save(path, values)
    line = refusal("run", str(path))
    for word in (str(path), *words):
        assert word in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("seed = ", ["TOML"]),
        ("sead = 3", ["sead = 3", "seed"]),
        ("[schedule]\nbatch = 2.5", ["schedule.batch = 2.5", "whole number"]),
        ('[data]\nkind = "file"\npath = "nowhere.csv"', ["nowhere.csv", "no such file"]),
    ],
)
def test_a_bad_experiment_ends_in_one_line(refusal, tmp_path, content, words):
    path = tmp_path / "bad.toml"
    path.write_text(content, encoding="utf-8")
    line = refusal("run", str(path))
    for word in (str(path), *words):
        assert word in line


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".toml"])
def test_a_missing_file_and_a_folder_end_in_one_line(refusal, tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    assert f"{path}: there is no such file" in refusal("run", str(path))
    path.mkdir()
    line = refusal("run", str(path))
    assert str(path) in line
    assert "folder" in line or "not a file" in line


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".toml"])
def test_a_file_that_may_not_be_read_ends_in_one_line(refusal, tmp_path, monkeypatch, suffix):
    path = tmp_path / f"data{suffix}"
    path.write_bytes(b"seed = 1\n")
    really_open = Path.open

    def refuse(self, *arguments, **options):
        # Not by the file's mode: root may read everything.
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return really_open(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    line = refusal("run", str(path))
    assert str(path) in line
    assert "Permission denied" in line


def test_a_file_in_the_place_of_the_results_ends_in_one_line(refusal, tmp_path):
    path = tmp_path / "results"
    path.write_text("")
    line = refusal("run", "faithful.csv", "--steps", "1", "--out", str(path))
    assert f"--out {path}" in line
