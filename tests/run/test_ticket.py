"""What a picture carries leads back to the state that it shows, to the bit; or says why it does not."""

import base64
import dataclasses
import json
import random
import shutil
import subprocess
import sys
import time
import tracemalloc
import zlib
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
from ganviz.run import ticket as module
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


def test_of_a_large_file_a_picture_names_what_must_lie_beside_it(tmp_path):
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
    # It may lie where it was: only beside the picture is looked for it, whatever the picture says.
    (tmp_path / "elsewhere").mkdir()
    path.rename(tmp_path / "elsewhere" / "a.svg")
    with pytest.raises(ExperimentError, match=r"put many\.npy beside it"):
        find_ticket(tmp_path / "elsewhere" / "a.svg")


@pytest.mark.parametrize("source", ["/dev/zero", "/etc/passwd", "../many.npy", "..", "", "a\0b", "C:\\x\\many.npy"])
def test_a_picture_opens_no_file_but_one_beside_it(tmp_path, monkeypatch, source):
    (tmp_path / "here").mkdir()
    np.save(tmp_path / "many.npy", np.zeros((9, 2)))
    opened = []
    monkeypatch.setattr(module, "read_table", lambda path, _: opened.append(path))
    table = {"columns": ["a"], "rows": 9, "left_out": 0, "digest": "", "source": source}
    content = {"version": "1", "first": {"data.kind": "file"}, "step": 1, "tables": [table], "table": 0}
    path = tmp_path / "here" / "a.svg"
    path.write_text(word(json.dumps(content).encode()))
    assert end_of(path) == "refused"
    assert opened == []


def contents(token):
    return zlib.decompress(base64.urlsafe_b64decode(token.split(":")[3])).decode()


def test_a_picture_does_not_tell_in_which_folder_data_lay(tmp_path):
    rng = np.random.default_rng(0)
    for folder, rows in (("secret one", 50), ("secret two", 40_000), ("secret three", 50)):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "many.npy", rng.normal(size=(rows, 2)))
    shutil.copy(tmp_path / "secret one" / "many.npy", tmp_path / "secret copy.npy")
    run = Run(Experiment.from_mapping(SMALL))
    for name in ("secret one/many.npy", "secret two/many.npy", "secret three/many.npy", "secret copy.npy"):
        run.advance(5)
        run.adopt(run.experiment.replace({"data.kind": "file", "data.path": str(tmp_path / name)}))
    run.advance(5)
    # The same numbers out of another folder: nothing else has changed.
    (tmp_path / "secret four").mkdir()
    shutil.copy(tmp_path / "secret copy.npy", tmp_path / "secret four")
    run.adopt(run.experiment.replace({"data.path": str(tmp_path / "secret four" / "secret copy.npy")}))
    run.advance(5)
    token = to_token(ticket_of(run.frame(Need.SAMPLES)))
    told = contents(token)
    assert "many.npy" in told
    assert str(tmp_path) not in told
    assert not any(folder.name in told for folder in tmp_path.iterdir() if folder.is_dir())
    path = tmp_path / "a.svg"
    path.write_text(token)
    shutil.copy(tmp_path / "secret two" / "many.npy", tmp_path)
    ticket = find_ticket(path)
    assert [change.step for change in ticket.log if change.path == "data.path"] == [5, 10, 15, 20]
    again = restore(ticket)
    assert digest_of(again) == digest_of(run)
    assert again.note == ""


def test_a_picture_of_another_processor_says_where_it_leads_elsewhere(drawn):
    ticket = find_ticket(drawn[0] / "a.png")
    assert ticket.digest
    assert restore(ticket).note == ""
    other = dataclasses.replace(ticket, digest="0" * 32)
    assert restore(other).note == "Training up to step 90 leads to other numbers here than the picture shows."
    other = dataclasses.replace(other, host="ganviz 9 on another processor")
    assert "It was made by ganviz 9 on another processor; here is ganviz " in restore(other).note
    # Those of before have none to compare with.
    assert restore(dataclasses.replace(other, digest="")).note == ""


def test_the_digest_of_a_state_is_that_of_both_players():
    run = Run(Experiment.from_mapping(SMALL))
    run.advance(10)
    found = [ticket_of(run.frame(needs)).digest for needs in (Need.SAMPLES, Need.METRICS, Need.all())]
    assert len(set(found)) == 1
    run.advance(1)
    found.append(ticket_of(run.frame(Need.SAMPLES)).digest)
    for losses in (False, True):
        other = run.frame(Need.SAMPLES)
        if losses:
            other = dataclasses.replace(other, metrics={**other.metrics, "discriminator_loss": 1.0})
        else:
            other = dataclasses.replace(other, fake=np.nextafter(other.fake, 9))
        found.append(ticket_of(other).digest)
    assert len(set(found)) == 4


def test_a_picture_of_before_is_read(tmp_path):
    """As version 0.1 wrote them: without digest, with folders."""
    run = trained(tmp_path)
    token = to_token(ticket_of(run.frame(Need.SAMPLES)))
    content = json.loads(contents(token))
    del content["state"], content["host"]
    for table in content["tables"]:
        table["source"] = "/home/somebody/" + table["source"]
    for change in content["log"]:
        if change["path"] == "data.path":
            change["after"] = "/home/somebody/points.csv"
    (tmp_path / "a.svg").write_text(word(json.dumps(content).encode()))
    again = restore(find_ticket(tmp_path / "a.svg"))
    assert digest_of(again) == digest_of(run)


def test_changes_of_many_numbers_are_carried_in_pieces(tmp_path):
    run = mixture()
    means = [list(mean) for mean in run.experiment.data.means]
    for i in range(300):
        means[i % 64] = [i * 0.01, 1.0 - i * 0.01]
        run.change("data.means", [list(mean) for mean in means])
    run.advance(1)
    path = tmp_path / "a.svg"
    path.write_text(to_token(ticket_of(run.frame(Need.SAMPLES))))
    assert path.read_text().startswith("ganviz:2:")
    ticket = find_ticket(path)
    assert list(ticket.after) == list(run.logged.after)
    assert digest_of(restore(ticket)) == digest_of(run)


def mixture():
    rng = np.random.default_rng(0)
    return Run(
        Experiment.from_mapping(
            {**SMALL, "data.kind": "mixture", "data.means": rng.normal(size=(64, 2)).tolist(),
             "data.stds": [0.1] * 64, "data.weights": [1.0] * 64}
        )
    )  # fmt: skip


def word(text):
    packed = zlib.compress(text)
    return f"ganviz:1:{module._check(packed)}:{base64.urlsafe_b64encode(packed).decode()}:end"


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
    path = tmp_path_factory.mktemp("any") / "a.png"
    if word:
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
     b'{"version":"1","first":{},"step":9,"log":[{"step":2,"path":"precision","after":64,"group":0}]}',
     b'{"version":"1","first":{},"step":1,"tables":[{"columns":["a"],"rows":1,"left_out":0,"digest":"","points":['
     + b"[]," * 11_000_000 + b"[]]}]}",
     b'{"version":"1","first":{},"step":1,"tables":[{"columns":["a"],"rows":1,"left_out":0,"digest":"","points":['
     + b"[1]," * 1_000_000 + b"[1]]}]}",
     b'{"version":"1","first":{},"step":1,"tables":[' + b'{"columns":["a"],"rows":1,"left_out":0,"digest":""},' * 300
     + b'{"columns":["a"],"rows":1,"left_out":0,"digest":""}]}',
     b'{"version":"1","first":{},"step":1}' + b"\n" * 30_000_000,
     b'{"version":"1","first":{},"step":1}'
     + (b'\n[{"step":1,"path":"title","after":[' + b"[]," * 1_300_000 + b'[]],"group":0}]') * 7],
    ids=range(15),
)  # fmt: skip
def test_lies_with_a_right_checksum_end_in_a_sentence(tmp_path, text):
    path = tmp_path / "a.pdf"
    path.write_text(word(text))
    del text
    began = time.perf_counter()
    assert end_of(path) == "refused"
    assert time.perf_counter() - began < 5
    # What traces memory makes it slow.
    tracemalloc.start()
    assert end_of(path) == "refused"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * 2**20


def test_a_later_format_says_so(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("ganviz:3:0123456789abcdef:AAAA:end")
    with pytest.raises(ExperimentError, match=r"it is of format 3; this ganviz .* reads formats up to 2"):
        find_ticket(path)


@pytest.mark.parametrize("name", ["none.png", "."])
def test_what_is_no_file_is_a_sentence(tmp_path, name):
    assert end_of(tmp_path / name) == "refused"
