"""Session files that are cut, flipped, foreign, huge or full of lies: each is opened, or ends in one sentence.

The default tests draw 1,000 of them; ``python -m pytest -m hostile tests/run/test_session_hostile.py`` draws 10,000.
Run as a program, ``python tests/run/test_session_hostile.py SEED COUNT``, this file tells how those of one seed end,
how long the longest took and how much memory all of them took at most.
"""

import copy
import dataclasses
import io
import json
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganviz.engine.game import layout
from ganviz.experiment import Experiment, ExperimentError
from ganviz.run import Run, session_file
from ganviz.run.container import ARRAYS, MANIFEST, digest
from ganviz.run.opening import read_held
from ganviz.run.recorded import Block, BranchState, SessionState
from ganviz.run.session import Session
from ganviz.run.session_file import read_session, write_session

LONGEST = 5.0
MOST_MEMORY = 200 * 2**20
SETTINGS = {
    "generator.hidden": [8], "discriminator.hidden": [8], "schedule.batch": 16, "noise.dimension": 2,
}  # fmt: skip


def session():
    run = Run(Experiment.from_mapping(SETTINGS))
    run.advance(40)
    run.frame()
    run.change("discriminator.clip", 0.05)
    run.advance(40)
    made = Session(run)
    other = made.branch(name="grid").run
    other.adopt(other.experiment.replace({"data.kind": "grid"}))
    other.advance(30)
    made.bookmark(7, "here")
    made.notes = "a note"
    return made


def bytes_of(state):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ganviz"
        write_session(path, state)
        return path.read_bytes()


def end_of(path):
    """Open a file; return "opened" or its sentence, and fail for whatever else comes of it."""
    began = time.perf_counter()
    try:
        state = read_session(path)
    except ExperimentError as error:
        text = str(error)
        assert "\n" not in text and text.isprintable(), text
        assert text.startswith(f"{path}: "), text
        assert len(text) < len(str(path)) + 700, text
        found = text[len(str(path)) + 2 :]
    else:
        assert isinstance(state, SessionState)
        found = "opened"
    took = time.perf_counter() - began
    assert took < LONGEST, f"{took:.1f} s: {found}"
    return found


# ---------------------------------------------------------------- mutations


def members_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def packed(members, compression=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return made.getvalue()


def cut(rng, data):
    return data[: rng.randrange(len(data))]


def flipped(rng, data):
    found = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 50])):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def directory_flipped(rng, data):
    """Flip bits where the names, sizes and places of the members stand."""
    found, start = bytearray(data), data.rindex(b"PK\x05\x06")
    begin = struct.unpack_from("<L", data, start + 16)[0]
    for _ in range(rng.choice([1, 2, 8])):
        found[rng.randrange(begin, len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def piece_replaced(rng, data):
    start = rng.randrange(len(data))
    length = rng.choice([1, 4, 30, 500, 5000])
    other = rng.choice([bytes(length), b"\xff" * length, rng.randbytes(length), b"", data[:length], data * 2])
    return data[:start] + other + data[start + length :]


def huge_header(rng, data):
    """Let the directory or a local header claim what no file has."""
    found = bytearray(data)
    places = [place for place in range(len(data) - 4) if data[place : place + 4] in (b"PK\x01\x02", b"PK\x05\x06")]
    for _ in range(rng.choice([1, 3])):
        place = rng.choice(places) + rng.randrange(4, 46)
        value = rng.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 0x10000000, 300 * 2**20])
        if place + 4 <= len(found):
            struct.pack_into("<L", found, place, value)
    return bytes(found)


def foreign(rng, data):
    word = packed({"[Content_Types].xml": b"<a/>", "word/document.xml": b"<b/>" * 1000})
    npz = io.BytesIO()
    np.savez(npz, a=np.zeros(1000), b=np.arange(10))
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">L4s", 13, b"IHDR")
    return rng.choice([
        b"", b"\n", b"PK", b"PK\x05\x06" + bytes(18), b"PK\x05\x06" + b"\xff" * 18, word, npz.getvalue(),
        head + rng.randbytes(500), b"step,loss\n1,2\n" * 500, b'title = "a"\n', bytes(100_000),
        rng.randbytes(rng.randrange(5000)), data + data, data + b"tail", b"head" + data, data[::-1],
        packed({MANIFEST: b"{}"}), packed({MANIFEST: b"[" * 100_000}), packed({MANIFEST: b'{"format": 1}'}),
        packed({MANIFEST: b"\xff\xfe"}), packed({MANIFEST: bytes(300 * 2**20)}) if rng.random() < 0.02 else data[1:],
    ])  # fmt: skip


HOSTILE = [
    None, True, False, 0, -1, 1, 2, 3, 7, 31, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**400, 0.5, -0.0, 1e308, 1e-320,
    "", "a", "\n", "\0", "0" * 32, "f" * 32, "ring", "file", "grid", "x" * 5000, "\u2028\ud7ff", [], [[]], {}, [0, 0],
    [1e9, 2], [[1]] * 50, {"a": {"b": {"c": {}}}}, [[[[[[]]]]]], [0] * 3000, {"member": "0" * 32, "shape": [2**31, 0]},
    {"member": "0" * 32, "shape": [2**31, 2**31]},
]  # fmt: skip


def spots(value, path=()):
    """List where something stands in a manifest."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += spots(item, (*path, key))
    if isinstance(value, list):
        for place, item in enumerate(value[:40]):
            found += spots(item, (*path, place))
    return found


def at(value, path):
    for key in path:
        value = value[key]
    return value


def lie(rng, value):
    """Change one thing in a manifest."""
    everywhere = spots(value)
    path = rng.choice(everywhere)
    holder, key = at(value, path[:-1]), path[-1]
    kind = rng.random()
    if kind < 0.45:
        holder[key] = copy.deepcopy(rng.choice(HOSTILE))
    elif kind < 0.6:
        del holder[key]
    elif kind < 0.75:
        holder[key] = copy.deepcopy(at(value, rng.choice(everywhere)))
    elif isinstance(holder, list):
        holder[key:key] = [holder[key]] * rng.choice([1, 2, 1000])
    elif isinstance(holder[key], bool):
        holder[key] = not holder[key]
    elif isinstance(holder[key], int | float):
        holder[key] = rng.choice([holder[key] + 1, holder[key] - 1, -holder[key], holder[key] * 1000, 0])
    else:
        holder[f"{key} "] = holder[key]


def lied(rng, data):
    """Change what the texts say, with right checksums."""
    members = members_of(data)
    name = rng.choice([name for name in members if name.endswith(".json")])
    content = json.loads(members[name])
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        if content:
            lie(rng, content)
    members[name] = json.dumps(content).encode("utf-8", "surrogatepass")
    return packed(members)


def arrays_changed(rng, data):
    """Give arrays other bytes, lengths and numbers, with right names, wherever they are named."""
    members = members_of(data)
    names = [name for name in members if name.startswith(ARRAYS)]
    for _ in range(rng.choice([1, 1, 3])):
        name = rng.choice(names)
        if name not in members:
            continue
        old = members.pop(name)
        new = rng.choice([
            b"", old[:-1], old[:-8], old + old, bytes(len(old)), b"\xff" * len(old), rng.randbytes(len(old)),
            rng.randbytes(8) + old[8:], old[:-8] + rng.randbytes(8), struct.pack("<d", float("nan")) * (len(old) // 8),
            struct.pack("<q", 2**62) * (len(old) // 8), struct.pack("<f", float("inf")) * (len(old) // 4), old[::-1],
        ])  # fmt: skip
        renamed = ARRAYS + digest(new) if rng.random() < 0.9 else name
        members[renamed] = new
        before, after = name.removeprefix(ARRAYS), renamed.removeprefix(ARRAYS)
        for other, text in list(members.items()):
            changed = text
            if other.endswith(".json"):
                changed = text.replace(before.encode(), after.encode())
            elif bytes.fromhex(before) in text:
                # Names that stand in an array of names; then that has another name itself.
                changed = text.replace(bytes.fromhex(before), bytes.fromhex(after))
            if changed != text and other.startswith(ARRAYS):
                del members[other]
                own = ARRAYS + digest(changed)
                members[own] = changed
                for page in [page for page in members if page.endswith(".json")]:
                    members[page] = members[page].replace(
                        other.removeprefix(ARRAYS).encode(), own.removeprefix(ARRAYS).encode()
                    )
            elif changed != text:
                members[other] = changed
    return packed(members, rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))


def members_changed(rng, data):
    """Leave members out, or give them the content of others."""
    members = members_of(data)
    names = list(members)
    kind = rng.random()
    if kind < 0.4:
        del members[rng.choice(names)]
    elif kind < 0.8:
        members[rng.choice(names)] = members[rng.choice(names)]
    else:
        members |= {rng.choice(["../../x", "/etc/x", "arrays/", "a" * 300, "\u202e"]): b"x" * rng.randrange(1000)}
    return packed(members, rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))


MUTATIONS = (
    cut, flipped, directory_flipped, piece_replaced, huge_header, foreign, lied, lied, lied, arrays_changed,
    arrays_changed, members_changed,
)  # fmt: skip


def mutated(rng, data):
    return rng.choice(MUTATIONS)(rng, data)


# ---------------------------------------------------------------- many


def high_water():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def attack(seed, count):
    """Open files drawn from a seed, and set up what could be opened; tell how it went."""
    rng, data = random.Random(seed), bytes_of(session().state())
    longest, ends, opened = 0.0, {}, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "b.ganviz"
        path.write_bytes(data)
        Session.from_state(read_session(path)).current.run.frame()
        before = high_water()
        for number in range(count):
            path.write_bytes(mutated(random.Random(f"{seed} {number}"), data))
            began = time.perf_counter()
            try:
                found = end_of(path)
                if found == "opened" and rng.random() < 0.3:
                    opened += 1
                    set_up(path, rng)
            except BaseException:
                print(f"file {number} of seed {seed}", file=sys.stderr)
                raise
            longest = max(longest, time.perf_counter() - began)
            kind = found.split(": ", 1)[-1][:34]
            ends[kind] = ends.get(kind, 0) + 1
        more = high_water() - before
    return {"longest": longest, "memory": more, "ends": ends, "set up": opened}


def set_up(path, rng):
    """Let a session that could be opened run: wherever it came from, it is one that works."""
    try:
        made = Session.from_state(read_session(path))
        for branch in made.branches:
            branch.run.seek(rng.randint(0, branch.run.end))
            branch.run.frame()
            branch.run.seek(branch.run.end)
    except ExperimentError as error:
        assert "\n" not in str(error)


def attacked(seed, count):
    done = subprocess.run(
        [sys.executable, __file__, str(seed), str(count)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert sum(report["ends"].values()) == count
    assert report["ends"]["opened"] < count / 2
    assert len(report["ends"]) > 15, report["ends"]
    assert report["longest"] < LONGEST
    assert report["memory"] < MOST_MEMORY
    return report


def test_a_thousand_hostile_files_are_opened_or_end_in_a_sentence():
    attacked(random.randrange(10**9), 1000)


@pytest.fixture(scope="module")
def whole():
    return bytes_of(session().state())


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(rng=st.randoms(use_true_random=False), raw=st.binary(max_size=200))
def test_whatever_hypothesis_makes_of_a_file_is_opened_or_ends_in_a_sentence(tmp_path_factory, whole, rng, raw):
    path = tmp_path_factory.mktemp("drawn") / "a.ganviz"
    for data in (raw, mutated(random.Random(rng.getrandbits(64)), whole), whole[: rng.randrange(len(whole))] + raw):
        path.write_bytes(data)
        end_of(path)


@pytest.mark.parametrize(
    "data",
    [
        packed({MANIFEST: bytes(400 * 2**20)}),
        packed({MANIFEST: b"[" * (4 * 2**20)}),
        packed({MANIFEST: b'{"format":1,"notes":[' + b"[]," * 1_300_000 + b"[]]}"}),
        packed({MANIFEST: b"{}", **{f"a/{i}": b"" for i in range(60_000)}}),
    ],
    ids=["zeros", "deep", "wide", "many"],
)
def test_a_small_file_that_unpacks_to_much_takes_little_memory(tmp_path, data):
    path = tmp_path / "a.ganviz"
    path.write_bytes(data)
    tracemalloc.start()
    assert end_of(path) != "opened"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_MEMORY


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_kept_state_with_a_parameter_that_is_not_finite_is_refused(tmp_path, monkeypatch, value):
    state = session().state()
    one = state.branches[0]
    frame = one.recorded.keyframes[-1]
    numbers = frame.numbers.copy()
    numbers[layout(one.recorded.first)["generator"].parameters + 3] = value
    frames = (*one.recorded.keyframes[:-1], dataclasses.replace(frame, numbers=numbers))
    one = dataclasses.replace(one, recorded=dataclasses.replace(one.recorded, keyframes=frames))
    state = dataclasses.replace(state, branches=(one, *state.branches[1:]))
    # What would not be read again is not written.
    with pytest.raises(OSError, match="a parameter in one of its kept states is not finite"):
        write_session(tmp_path / "a.ganviz", state)
    with monkeypatch.context() as patched:
        patched.setattr(session_file, "check_finite", lambda *_: None)
        write_session(tmp_path / "a.ganviz", state)
    assert "a parameter in one of its kept states is not finite" in end_of(tmp_path / "a.ganviz")


@pytest.mark.parametrize("unit", [0.0, -1.0, 1e-320, 1e60, 1e308])
def test_units_in_which_nothing_can_be_measured_are_refused(tmp_path, whole, unit):
    members = members_of(whole)
    page = json.loads(members["branches/1.json"])
    page["scale"] = [1.0, unit]
    (tmp_path / "a.ganviz").write_bytes(packed(members | {"branches/1.json": json.dumps(page).encode()}))
    assert "no unit to measure in" in end_of(tmp_path / "a.ganviz")


def test_more_steps_than_anybody_trains_are_refused(tmp_path):
    one = session().state().branches[0]
    frame = one.recorded.keyframes[-1]
    end = 2**52
    last = dataclasses.replace(frame, step=end, counters=np.array([end, *frame.counters[1:]]))
    kept = dataclasses.replace(one.recorded, end=end, step=end // 2, keyframes=(one.recorded.keyframes[0], last))
    # Never written like this, but where what is written is not looked at.
    assert "claims more steps than anybody trains" in end_of(written(tmp_path, kept))


def test_a_long_way_to_where_a_run_stands_can_be_stopped(tmp_path):
    """A file of a few kB whose times are plausible: nobody can know that it was never trained."""
    one = session().state().branches[0]
    frame, end = one.recorded.keyframes[-1], 2**40
    last = dataclasses.replace(frame, step=end, counters=np.array([end, *frame.counters[1:]]), seconds=1e7)
    width = one.recorded.blocks[0].mean.shape[1]
    blocks = [Block(1, end, *[np.full((1, width), np.nan, np.float32)] * 3)]
    kept = dataclasses.replace(
        one.recorded, end=end, step=end // 2, keyframes=(one.recorded.keyframes[0], last), blocks=blocks
    )
    held, shares = read_held(written(tmp_path, kept)), []
    began = time.perf_counter()
    assert held.session(shares.append, lambda: len(shares) > 2) is None
    assert time.perf_counter() - began < LONGEST
    assert 0 < shares[0] < shares[-1] < 1e-3


def test_metrics_that_stop_before_the_end_are_refused(tmp_path):
    kept = session().state().branches[0].recorded
    (block,) = kept.blocks
    short = Block(1, 1, *[block.mean[:30]] * 3)
    for blocks in ((short,), ()):
        told = end_of(written(tmp_path, dataclasses.replace(kept, blocks=blocks)))
        assert told.endswith("its metrics do not reach to its end")


def test_a_branch_in_the_middle_of_a_huge_row_takes_little_memory(tmp_path):
    """The steps of the row about which nothing is known for certain are many millions."""
    kept = session().state().branches[0].recorded
    end, row = 2**26, np.zeros((1, kept.blocks[0].mean.shape[1]), np.float32)
    last = kept.keyframes[-1]
    frames = [kept.keyframes[0]]
    for step in (end - 1, end):
        counters = np.array([step, *last.counters[1:]])
        frames.append(dataclasses.replace(last, step=step, counters=counters, seconds=1e6))
    blocks = (Block(1, end, row, row, row),)
    run = Run.open(written(tmp_path, dataclasses.replace(kept, end=end, step=end - 1, keyframes=frames, blocks=blocks)))
    assert run.step == end - 1
    tracemalloc.start()
    branch = run.branch()
    branch.advance(10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_MEMORY / 4
    assert branch._record.end == branch.end + 1


def test_evidence_without_end_is_refused(tmp_path, whole):
    members = members_of(whole)
    page = json.loads(members["branches/0.json"])
    told = dict(name="a", good=True, since=0, first_seen=0, last_seen=0, sentence="", evidence=[["", 0.0]] * 33)
    for findings in ([told], [{**told, "evidence": []}] * 65_537, [{**told, "evidence": told["evidence"][1:]}] * 8193):
        page["findings"] = findings
        (tmp_path / "a.ganviz").write_bytes(packed(members | {"branches/0.json": json.dumps(page).encode()}))
        tracemalloc.start()
        found = end_of(tmp_path / "a.ganviz")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found != "opened"
        assert peak < MOST_MEMORY


ENTRY = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"


@pytest.mark.parametrize("large", [True, False])
def test_a_directory_with_more_entries_than_it_says_is_refused_before_it_is_read(tmp_path, large):
    """With and without the extension for large files, which says all sizes once more, elsewhere."""
    count = 150_000
    directory, extension = ENTRY * count, b""
    if large:
        extension = struct.pack(
            "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), 0
        ) + struct.pack("<4sLQL", b"PK\x06\x07", 0, len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory) + len(extension), 0, 0)
    path = tmp_path / "a.ganviz"
    path.write_bytes(directory + extension + end)
    tracemalloc.start()
    assert "its directory" in end_of(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * len(directory)


def written(folder, recorded):
    path = folder / "made.ganviz"
    write_session(path, SessionState((BranchState("made", recorded),)))
    return path


@pytest.mark.hostile
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_hostile_files_are_opened_or_end_in_a_sentence(seed):
    print(attacked(seed, 1000))


if __name__ == "__main__":
    print(json.dumps(attack(int(sys.argv[1]), int(sys.argv[2]))))
