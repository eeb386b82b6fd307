"""What a picture carries leads back to the state that it shows, to the bit; or says why it does not."""

import random
import subprocess
import sys
import time
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganviz.experiment import Experiment, ExperimentError
from ganviz.export import draw
from ganviz.export.paper import as_comment
from ganviz.plots import VIEWS
from ganviz.run import Need, Run
from ganviz.run.opening import read_held
from ganviz.run.recorded import Change
from ganviz.run.ticket import Ticket, find_ticket, restore, ticket_of, to_token

SMALL = {"generator.hidden": [8], "discriminator.hidden": [8], "schedule.batch": 16}
FORMATS = ["png", "svg", "pdf"]


def trained(folder):
    """Train on a ring and then on a file, with a change on the way."""
    points = folder / "points.csv"
    points.write_text("x,y\n" + "\n".join(f"{i * 0.1},{i % 7}" for i in range(40)))
    run = Run(Experiment.from_mapping(SMALL))
    run.advance(30)
    run.change_together({"discriminator.clip": 0.05, "optimizer.generator.learning_rate": 0.002})
    run.advance(30)
    run.adopt(run.experiment.replace({"data.kind": "file", "data.path": str(points), "seed": 4}))
    run.advance(30)
    points.unlink()
    return run


def picture(run, path):
    view = VIEWS["plane"]
    frame = run.frame(view.needs)
    draw([view.draw(frame)], path, ticket=to_token(ticket_of(frame)), size_mm=(60, 60), dpi=60)


def digest_of(run):
    return run.recorded(until=run.step).keyframes[-1].digest


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Draw one state in each format; return the folder, and what tells the state."""
    folder = tmp_path_factory.mktemp("drawn")
    run = trained(folder)
    for ending in FORMATS:
        picture(run, folder / f"a.{ending}")
    return folder, digest_of(run)


def test_a_ticket_in_the_comments_of_a_drawing_for_tex_leads_back(tmp_path):
    """Matplotlib writes one only where TeX is installed; what is added to it is tested by itself."""
    run = trained(tmp_path)
    comment = as_comment(to_token(ticket_of(run.frame(Need.METRICS))))
    assert all(line.startswith("% ") and len(line) <= 102 for line in comment.splitlines())
    path = tmp_path / "a.pgf"
    path.write_text("\\begin{pgfpicture}\n\\pgftext{50 % of it}\n\\end{pgfpicture}\n" + comment)
    assert digest_of(restore(find_ticket(path))) == digest_of(run)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_picture_leads_back_to_its_bits(drawn, ending):
    folder, digest = drawn
    ticket = find_ticket(folder / f"a.{ending}")
    assert ticket.step == 90
    run = restore(ticket)
    assert digest_of(run) == digest
    assert [change.step for change in run.log if change.path == "discriminator.clip"] == [30]
    assert len(run.experiment.table.points) == 40


def test_another_process_comes_to_the_same_bits(drawn):
    folder, digest = drawn
    told = subprocess.run(
        [sys.executable, "-c", "import sys; from pathlib import Path; from ganviz.run.ticket import *\n"
         "for name in sys.argv[1:]:\n"
         "    r = restore(find_ticket(Path(name))); print(r.recorded(until=r.step).keyframes[-1].digest)",
         *(str(folder / f"a.{ending}") for ending in FORMATS)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == [digest] * 3


def test_an_svg_with_a_ticket_is_still_xml(drawn):
    root = ElementTree.parse(drawn[0] / "a.svg").getroot()
    assert root.tag.endswith("svg")
    assert sum("ganviz:1:" in (node.text or "") for node in root.iter()) == 1


def test_a_png_with_a_ticket_is_still_a_picture(drawn):
    from matplotlib.image import imread

    assert imread(drawn[0] / "a.png").shape[2] in (3, 4)


def test_a_past_step_carries_only_what_led_to_it(tmp_path):
    run = trained(tmp_path)
    run.seek(40)
    picture(run, tmp_path / "a.svg")
    ticket = find_ticket(tmp_path / "a.svg")
    assert ticket.step == 40
    assert {change.step for change in ticket.log} == {30}
    assert digest_of(restore(ticket)) == digest_of(run)


def test_a_picture_without_a_ticket_carries_none(drawn, tmp_path):
    view = VIEWS["plane"]
    run = Run(Experiment.from_mapping(SMALL))
    draw([view.draw(run.frame(view.needs))], tmp_path / "a.png", dpi=40)
    assert find_ticket(tmp_path / "a.png") is None
    with pytest.raises(ExperimentError, match="carries no state"):
        read_held(tmp_path / "a.png")


def test_of_a_large_file_a_picture_names_where_it_lies(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "many.npy", rng.normal(size=(40_000, 2)))
    run = Run(Experiment.from_mapping({**SMALL, "data.kind": "file", "data.path": str(tmp_path / "many.npy")}))
    run.advance(5)
    path = tmp_path / "a.txt.svg"
    path.write_text(f"<svg>{to_token(ticket_of(run.frame(Need.METRICS)))}</svg>")
    assert path.stat().st_size < 10_000
    assert digest_of(restore(find_ticket(path))) == digest_of(run)
    np.save(tmp_path / "many.npy", rng.normal(size=(40_000, 2)))
    with pytest.raises(ExperimentError, match="not those that were trained on") as caught:
        find_ticket(path)
    assert "\n" not in str(caught.value)
    (tmp_path / "many.npy").unlink()
    with pytest.raises(ExperimentError, match=r"many\.npy"):
        find_ticket(path)


def test_ten_thousand_changes_are_read_within_seconds(tmp_path):
    first = Experiment.from_mapping(SMALL)
    clips = [0.01 + 0.9 * i / 10_000 for i in range(1, 10_001)]
    after = [first.replace({"discriminator.clip": clip}) for clip in clips]
    log = [Change(i, "discriminator.clip", 0.01, clip, i) for i, clip in enumerate(clips)]
    path = tmp_path / "a.svg"
    path.write_text(to_token(Ticket(first, 20_000, log, after)))
    began = time.process_time()
    ticket = find_ticket(path)
    took = time.process_time() - began
    print(f"{took:.1f} s, {path.stat().st_size:,} bytes")
    assert took < 12
    assert [change.after for change in ticket.log] == clips
    assert list(ticket.after) == after


# ---------------------------------------------------------------- damaged


def end_of(path):
    try:
        found = find_ticket(path)
    except ExperimentError as error:
        assert "\n" not in str(error)
        assert str(error).startswith(f"{path}: ")
        return "refused"
    return "none" if found is None else "found"


@pytest.mark.parametrize("ending", FORMATS)
def test_damaged_pictures_end_in_a_sentence(drawn, tmp_path, ending):
    data = (drawn[0] / f"a.{ending}").read_bytes()
    start, stop = data.index(b"ganviz:1:"), data.index(b":end")
    rng, ends = random.Random(ending), set()
    path = tmp_path / f"b.{ending}"
    for _ in range(300):
        found = bytearray(data)
        for _ in range(rng.choice([1, 2, 20])):
            # Most where it matters.
            place = rng.randrange(start, stop) if rng.random() < 0.8 else rng.randrange(len(data))
            found[place] = rng.randrange(256)
        path.write_bytes(found if rng.random() < 0.8 else found[: rng.randrange(len(found))])
        began = time.perf_counter()
        ends.add(end_of(path))
        assert time.perf_counter() - began < 5
    assert ends >= {"refused", "none"}


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=300), word=st.booleans())
def test_any_bytes_end_in_a_sentence(tmp_path_factory, data, word):
    from ganviz.run import ticket as module

    path = tmp_path_factory.mktemp("any") / "a.png"
    if word:
        import base64

        data = f"ganviz:1:{module._check(data)}:{base64.urlsafe_b64encode(data).decode()}:end".encode()
    path.write_bytes(data)
    assert end_of(path) in (["refused"] if word else ["refused", "none"])


@pytest.mark.parametrize(
    "text",
    [b"[" * 1_000_000, b"{}", b"null", b" " * 40_000_000, b'{"version":"1","first":{},"step":-1}',
     b'{"version":"1","first":{"generator.hidden":[100000000000]},"step":1}',
     b'{"version":"1","first":{"data.kind":"file","data.path":"/etc/passwd"},"step":1}',
     b'{"version":"1","first":{},"step":1,"log":[{"step":2,"path":"seed","after":3,"group":0}]}',
     b'{"version":"1","first":{},"step":9,"log":[{"step":2,"path":"generator.hidden","after":[9],"group":0}]}',
     b'{"version":"1","first":{},"step":9,"log":[{"step":2,"path":"precision","after":64,"group":0}]}'],
    ids=range(10),
)  # fmt: skip
def test_lies_with_a_right_checksum_end_in_a_sentence(tmp_path, text):
    import base64
    import zlib

    from ganviz.run import ticket as module

    packed = zlib.compress(text)
    path = tmp_path / "a.pdf"
    path.write_text(f"ganviz:1:{module._check(packed)}:{base64.urlsafe_b64encode(packed).decode()}:end")
    assert end_of(path) == "refused"


def test_a_later_format_says_so(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("ganviz:2:0123456789abcdef:AAAA:end")
    with pytest.raises(ExperimentError, match=r"it is of format 2; this ganviz .* reads formats up to 1"):
        find_ticket(path)


@pytest.mark.parametrize("name", ["none.png", "."])
def test_what_is_no_file_is_a_sentence(tmp_path, name):
    assert end_of(tmp_path / name) == "refused"
