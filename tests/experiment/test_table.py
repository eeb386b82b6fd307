import io
import os
import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ganviz.experiment import table as module
from ganviz.experiment.parameter import ExperimentError
from ganviz.experiment.table import Table, read_table

DATA = Path(__file__).parents[2] / "resources" / "data"


def write(folder: Path, content: str | bytes, name: str = "bad.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def npy(values: object, **more: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(values), **more)
    return file.getvalue()


def refusal(path: Path, columns: tuple[str, ...] = ()) -> str:
    """Return the sentence a file is refused with, after the checks that hold for all of them."""
    with pytest.raises(ExperimentError) as caught:
        read_table(path, columns)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.splitlines() == [message]
    assert message.isprintable()
    assert len(message) < 900
    return message.removeprefix(f"{path}: ")


def read_or_refuse(path: Path, columns: tuple[str, ...] = ()) -> None:
    """For any bytes: a sound table, or one sentence."""
    try:
        table = read_table(path, columns)
    except ExperimentError as error:
        message = str(error)
        assert message.splitlines() == [message]
        assert str(path) in message
        message.encode()
        return
    assert table.points.ndim == 2 and table.points.shape[1] == len(table.columns) in (1, 2)
    assert len(table.points) + table.left_out == table.rows
    assert np.isfinite(table.points).all()
    assert (table.points.std(axis=0) > 0).all()
    assert bool(table.notice) == bool(table.left_out)


class TestRealData:
    def test_faithful(self) -> None:
        path = DATA / "faithful.csv"
        table = read_table(path)
        expected = np.genfromtxt(path, delimiter=",", skip_header=1)
        assert table.columns == ("eruption_min", "waiting_min")
        assert table.points.shape == (272, 2)
        for statistic in (np.min, np.max, np.mean):
            np.testing.assert_array_equal(statistic(table.points, axis=0), statistic(expected, axis=0))
        np.testing.assert_array_equal(table.points, expected)
        assert (table.rows, table.left_out, table.notice) == (272, 0, "")

    def test_galaxies(self) -> None:
        table = read_table(DATA / "galaxies.csv")
        assert table.columns == ("velocity_km_per_s",)
        assert table.points.shape == (82, 1)

    def test_penguins(self) -> None:
        path = DATA / "penguins.csv"
        table = read_table(path, ("bill_length_mm", "bill_depth_mm"))
        expected = np.genfromtxt(path, delimiter=",", skip_header=1, usecols=(2, 3))
        np.testing.assert_array_equal(table.points, expected[~np.isnan(expected).any(axis=1)])
        assert (len(table.points), table.rows, table.left_out) == (342, 344, 2)
        assert table.notice == (
            f"{path.name}: 2 of 344 rows left out: no value in bill_length_mm or bill_depth_mm (first: line 5)"
        )

    def test_penguins_by_number_and_in_the_order_asked_for(self) -> None:
        by_name = read_table(DATA / "penguins.csv", ("bill_depth_mm", "bill_length_mm"))
        by_number = read_table(DATA / "penguins.csv", ("4", "3"))
        assert by_number.columns == ("bill_depth_mm", "bill_length_mm")
        np.testing.assert_array_equal(by_name.points, by_number.points)
        assert by_name.points[0].tolist() == [18.7, 39.1]

    def test_penguins_without_a_choice(self) -> None:
        message = refusal(DATA / "penguins.csv")
        assert "bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g" in message
        assert "choose one or two with data.columns" in message
        assert "island" not in message

    def test_points_are_frozen_and_contiguous(self) -> None:
        points = read_table(DATA / "faithful.csv").points
        assert points.flags.c_contiguous and points.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            points[0, 0] = 0


class TestCsv:
    @pytest.mark.parametrize(
        "content",
        [
            "x,y\n1,2.5\n3,4\n",
            "x;y\n1;2.5\n3;4\n",
            "x\ty\n1\t2.5\n3\t4",
            "\ufeffx,y\r\n1,2.5\r\n3,4\r\n",
            "x,y\r1,2.5\r3,4\r",
            '"x","y"\n"1","2.5"\n"3","4"\n',
            "\n\nx, y\n\n  1 , 2.5\n   \n3, 4\n\n",
            "x,y\n1,2.5,\n3,4,,\n",
            "name,x,y\na;b,1,2.5\nc,3,4\n",
            'name,x,y\n"a,\nb",1,2.5\n"say ""c""",3,4\n',
        ],
    )
    def test_dialects(self, tmp_path: Path, content: str) -> None:
        table = read_table(write(tmp_path, content))
        assert table.points.tolist() == [[1, 2.5], [3, 4]]
        assert table.columns == ("x", "y")
        assert table.rows == 2

    @pytest.mark.parametrize(
        ("content", "choice", "columns", "first"),
        [
            ("1,2\n3,4\n", (), ("column 1", "column 2"), [1, 2]),
            ("1,2\n3,4\n", ("2",), ("column 2",), [2]),
            ("1,2\n3,4\n", ("column 2",), ("column 2",), [2]),
            ("Adelie,39.1,18.7\nGentoo,40,19\n", (), ("column 2", "column 3"), [39.1, 18.7]),
            ("Adelie,39.1,18.7\nGentoo,40,19\n", ("3",), ("column 3",), [18.7]),
            ("kind,2019,2020\na,1,2\nb,3,4\n", ("2020",), ("2020",), [2]),
            ("2,1,x\n5,6,7\n8,9,10\n", ("1", "x"), ("1", "x"), [6, 7]),
            (",x\n1,5\n2,7\n", (), ("column 1", "x"), [1, 5]),
            ("bill length\n1\n2\n", ("  bill \n length ",), ("bill length",), [1]),
        ],
    )
    def test_header(
        self,
        tmp_path: Path,
        content: str,
        choice: tuple[str, ...],
        columns: tuple[str, ...],
        first: list[float],
    ) -> None:
        table = read_table(write(tmp_path, content), choice)
        assert table.columns == columns
        assert table.points[0].tolist() == first

    @pytest.mark.parametrize("token", ["", "NA", " na ", "N/A", "nan", "-NaN", "NULL", "None", "?", "-", '""', '"NA"'])
    def test_missing(self, tmp_path: Path, token: str) -> None:
        path = write(tmp_path, f"name,x,y\na,1,NA\nb,{token},5\n\nc,2,NA\n", "gaps.csv")
        table = read_table(path, ("x",))
        assert table.points.tolist() == [[1], [2]]
        assert (table.rows, table.left_out) == (3, 1)
        assert table.notice == f"{path.name}: 1 of 3 rows left out: no value in x (first: line 3)"

    def test_a_quoted_empty_cell_in_a_single_column_is_a_row_without_value(self, tmp_path: Path) -> None:
        table = read_table(write(tmp_path, 'x\n1\n""\n\n2\n'))
        assert (table.rows, table.left_out, table.first) == (3, 1, "line 3")

    def test_a_notice_is_one_line_whatever_the_name(self, tmp_path: Path) -> None:
        table = read_table(write(tmp_path, '"a\n\u2028\x1b[31m"\n1\n2\nNA\n'))
        assert table.notice.isprintable()

    @pytest.mark.parametrize(
        ("content", "columns", "words"),
        [
            (
                "x,y\n1,2\n3,oops\n4,5\n",
                ("x", "y"),
                ['column y, line 3: "oops"', "a number with a decimal point"],
            ),
            ("x\n1\n2\n3\nfour\n", (), ['column x, line 5: "four"', "a number"]),
            ("a,b\nu,1\nv,2 m\n", (), ['column b, line 3: "2 m"', "a number"]),
            ('x,y\n1,2\n"\n\n",u\n3,"o\r\u2028k"\n', ("y",), ['column y, line 3: "u"']),
            ('x,y\n1,2\n"\n\n",5\n3,"o\r\u2028k"\n', ("y",), ["column y, line 6:", "o\\r\\u2028k"]),
            ("x;y\n3,5;4,2\n1,5;2,3\n", ("x",), ['column x, line 2: "3,5"', "decimal point"]),
            ("3,5;4,2\n1,5;2,3\n", ("2",), ['line 2: "2,3"', "decimal point"]),
            ("x\n1_000\n2\n", (), ['column x, line 2: "1_000"']),
            ("x\n१२\n2\n", (), ['column x, line 2: "१२"']),
            ("x\n0x10\n2\n", (), ['column x, line 2: "0x10"']),
            ("x,y\n1,2\n1e999,4\n", (), ['column x, line 3: "1e999"', "finite"]),
            ("x,y\n1,2\n3,-inf\n", (), ['column y, line 3: "-inf"', "finite"]),
            ("x,y\n1,2\n3,Infinity\n", (), ['column y, line 3: "Infinity"', "finite"]),
            ("x,y\n1,2\nNA,inf\n", (), ['column y, line 3: "inf"', "finite"]),
            ("x,y\n1,2\n3\n4,5\n", (), ["line 3 has 1 cells", "allowed are 2"]),
            ("x,y\n1,2\n3,4\n5,6,7\n", (), ["line 4 has 3 cells", "allowed are 2"]),
            ("", (), ["is empty", "at least 2 rows"]),
            ("\ufeff", (), ["is empty"]),
            ("\n \n\r\n", (), ["is empty"]),
            ("x,y\n", (), ["a header and no rows", "at least 2"]),
            ("x,y\n", ("x",), ["0 of 0 rows have a value in x", "at least 2"]),
            ("1,2\n", (), ["has 1 row", "at least 2"]),
            ("x\n1\n", (), ["1 of 1 rows have a value in x", "at least 2"]),
            ("x,y\n1,2\n3,NA\n", (), ["1 of 2 rows have a value in x and y", "at least 2"]),
            ("x,y\nNA,?\n,-\n", (), ["no column holds a number"]),
            ("x,y\n1,7.5\n2,7.5\n3,7.5\n", (), ["column y", "7.5", "values that differ"]),
            ("x\n-1e308\n1e308\n", (), ["column x", "-1e+308", "finite variance"]),
            ("x\n0\n1e-320\n", (), ["column x", "finite variance"]),
            ('x,y\n1,2\n3,"4\n5,6\n', (), ["line 3 is not valid CSV"]),
            ('x;y\n1;2\n3;"4\n5;6\n', (), ["line 3 is not valid CSV"]),
            ('x,y\n1,2\n"3"4,5\n', (), ["line 3 is not valid CSV"]),
            ("x,y\n1,2\n" + "3" * 200_000 + ",4\n", (), ["line 3 is not valid CSV", "field limit"]),
            ("x,y\n1,2\n3,\x004\n", (), ["line 3", "NUL", "UTF-8 text"]),
            ("x,y\n1,2\n".encode("utf-16"), (), ["line 1", "0xff", "UTF-8"]),
            ("x,y\n1,2\n".encode("utf-16-le"), (), ["line 1", "NUL"]),
            ("x,größe\n1,2\n3,4\n".encode("latin-1"), (), ["line 1", "0xf6", "UTF-8"]),
            (b"x,y\n1,2\n3,4\n\xed\xa0\x80,5\n", (), ["line 4", "0xed", "UTF-8"]),
            ("x\n" + " " * 5_000_000 + "\n", (), ["line 2 is too long"]),
            ("a," * 10_001 + "\n", (), ["10002 columns", "at most 10000"]),
            ("x,y\n1,2\n3,4\n", ("x", "x"), ['["x", "x"]', "the same column twice"]),
            ("x,y\n1,2\n3,4\n", ("x", "1"), ['["x", "1"]', "the same column twice"]),
            ("x,y,z\n1,2,3\n", ("x", "y", "z"), ['data.columns = ["x", "y", "z"]', "one or two columns"]),
            ("bill,y\n1,2\n3,4\n", ("bil",), ['no column "bil"', "did you mean bill?", "from 1 to 2"]),
            ("bill,y\n1,2\n3,4\n", ("3",), ['no column "3"', "bill, y", "from 1 to 2"]),
            ("1,2\n3,4\n", ("0",), ['no column "0"', "column 1, column 2"]),
            ("1,2\n3,4\n", ("a\nb",), ['no column "a b"']),
            ("1,2\n3,4\n", ("9" * 5000,), ["no column"]),
            ("x,x\n1,2\n3,4\n", ("x",), ['data.columns = ["x"]', "several columns", "1, 2"]),
        ],
    )
    def test_refused(self, tmp_path: Path, content: str | bytes, columns: tuple[str, ...], words: list[str]) -> None:
        message = refusal(write(tmp_path, content), columns)
        for word in words:
            assert word in message

    def test_too_many_numbers(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MAX_VALUES", 4)
        assert len(read_table(write(tmp_path, "1,2\n3,4\n")).points) == 2
        message = refusal(write(tmp_path, "x,y\n1,2\n3,4\n5,6\n"))
        assert "line 4" in message and "at most 4" in message

    def test_too_large(self, tmp_path: Path) -> None:
        path = write(tmp_path, "x\n1\n2\n")
        os.truncate(path, 256 * 2**20 + 1)
        assert "257 MB" in (message := refusal(path)) and "at most 256 MB" in message


class TestNpy:
    @pytest.mark.parametrize(
        ("values", "columns", "names", "expected"),
        [
            ([1, 2, 3], (), ("column 1",), [[1], [2], [3]]),
            ([[1], [2]], (), ("column 1",), [[1], [2]]),
            ([[1, 2], [3, 4]], (), ("column 1", "column 2"), [[1, 2], [3, 4]]),
            ([[1, 2], [3, 4]], ("2",), ("column 2",), [[2], [4]]),
            (np.arange(6.0).reshape(2, 3), ("3", "1"), ("column 3", "column 1"), [[2, 0], [5, 3]]),
            (np.asfortranarray([[1.5, 2], [3, 4]]), (), ("column 1", "column 2"), [[1.5, 2], [3, 4]]),
            (np.array([1, 2], ">f4"), (), ("column 1",), [[1], [2]]),
            (np.array([1, 2], "f2"), (), ("column 1",), [[1], [2]]),
            (np.array([1, 2], "u8"), (), ("column 1",), [[1], [2]]),
            (np.array([1, 2], np.longdouble), (), ("column 1",), [[1], [2]]),
        ],
    )
    def test_read(
        self,
        tmp_path: Path,
        values: object,
        columns: tuple[str, ...],
        names: tuple[str, ...],
        expected: list[list[float]],
    ) -> None:
        table = read_table(write(tmp_path, npy(values), "good.npy"), columns)
        assert table.points.tolist() == expected
        assert table.columns == names
        assert table.points.dtype == np.float64 and table.points.flags.c_contiguous
        assert not table.points.flags.writeable

    def test_a_file_of_python_2_is_read_without_a_warning(self, tmp_path: Path) -> None:
        content = npy([1.0, 2.0]).replace(b"(2,), } ", b"(2L,), }")
        assert read_table(write(tmp_path, content, "old.npy")).points.tolist() == [[1], [2]]

    def test_missing(self, tmp_path: Path) -> None:
        path = write(tmp_path, npy([[1, 2], [np.nan, 3], [4, 5], [6, np.nan]]), "gaps.npy")
        table = read_table(path)
        assert table.points.tolist() == [[1, 2], [4, 5]]
        assert table.notice == (f"{path.name}: 2 of 4 rows left out: no value in column 1 or column 2 (first: row 2)")

    @pytest.mark.parametrize(
        ("content", "columns", "words"),
        [
            (npy(3.5), (), ["shape", "()", "(n, 2)"]),
            (npy(np.zeros((2, 3, 4))), (), ["(2, 3, 4)", "(n, 2)"]),
            (npy(np.zeros((3, 0))), (), ["(3, 0)", "(n, 2)"]),
            (npy(np.zeros((2, 20_000))), ("1",), ["(2, 20000)"]),
            (npy(np.zeros((2, 3))), (), ["3 columns", "data.columns"]),
            (npy(np.zeros((2, 3))), ("x",), ['data.columns = ["x"]', "column 1", "from 1 to 3"]),
            (npy(np.zeros((2, 3))), ("4",), ['no column "4"', "from 1 to 3"]),
            (npy(np.zeros((2, 3))), ("1", "1"), ["the same column twice"]),
            (npy([1j, 2j]), (), ["complex128", "real numbers"]),
            (npy([True, False]), (), ["bool", "real numbers"]),
            (npy(["a", "b"]), (), ["<U1", "real numbers"]),
            (npy(np.array([1, None])), (), ["object", "real numbers"]),
            (npy(np.zeros(2, [("x", "f8")])), (), ["real numbers"]),
            (npy(np.zeros(2, "M8[s]")), (), ["real numbers"]),
            (npy([1.0, np.inf]), (), ["column 1, row 2: inf", "finite"]),
            (npy([[1.0, 2.0], [3.0, 4.0], [np.nan, -np.inf]]), (), ["column 2, row 3: -inf", "finite"]),
            (npy([5.0, 5.0]), (), ["column 1", "5", "values that differ"]),
            (npy([5.0]), (), ["1 of 1 rows", "at least 2"]),
            (npy(np.zeros((0, 2))), (), ["0 of 0 rows", "at least 2"]),
            (npy([np.nan, np.nan, 1]), (), ["1 of 3 rows", "at least 2"]),
            (npy([1.0, 2.0])[:-1], (), ["is cut off", "16 bytes"]),
            (npy([1.0, 2.0])[:40], (), ["cut off", "numpy.save"]),
            (npy([1.0, 2.0]).replace(b"(2,)", b"(2,("), (), ["numpy.save"]),
            (npy([1.0, 2.0]).replace(b"(2,), } ", b"(-2,), }"), (), ["numpy.save"]),
            (
                npy([1.0, 2.0]).replace(b"(2,), }       ", b"(99999999,), }"),
                (),
                ["99999999", "at most 10,000,000"],
            ),
            (npy([1.0, 2.0]).replace(b"(2,), }      ", b"(9999999,), }"), (), ["cut off", "79999992 bytes"]),
            (b"", (), ["numpy.save"]),
            (b"x,y\n1,2\n", (), ["numpy.save"]),
            (pickle.dumps([1.0, 2.0]), (), ["numpy.save"]),
            (b"PK\x03\x04" + b"\0" * 100, (), ["numpy.save"]),
            (b"\x93NUMPY\x09\x00" + npy([1.0])[8:], (), ["numpy.save"]),
        ],
    )
    def test_refused(self, tmp_path: Path, content: bytes, columns: tuple[str, ...], words: list[str]) -> None:
        message = refusal(write(tmp_path, content, "bad.npy"), columns)
        for word in words:
            assert word in message

    @pytest.mark.skipif(np.finfo(np.longdouble).max <= sys.float_info.max, reason="long doubles are doubles here")
    def test_too_wide_a_number_is_not_finite(self, tmp_path: Path) -> None:
        path = write(tmp_path, npy([np.longdouble("1e4000"), np.longdouble(1)]), "wide.npy")
        assert "row 1: inf" in refusal(path)

    def test_no_memory_is_taken_for_what_is_too_large(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = write(tmp_path, npy(np.zeros((3, 2))), "big.npy")
        monkeypatch.setattr(module, "MAX_VALUES", 5)
        monkeypatch.setattr(np, "frombuffer", None)
        assert "(3, 2)" in refusal(path)


class TestPath:
    def test_missing(self, tmp_path: Path) -> None:
        assert refusal(tmp_path / "none.csv") == "there is no such file"

    def test_folder(self, tmp_path: Path) -> None:
        (tmp_path / "folder.csv").mkdir()
        assert "is a folder" in refusal(tmp_path / "folder.csv")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
    @pytest.mark.timeout(10)
    @pytest.mark.parametrize("name", ["pipe.csv", "pipe.npy"])
    def test_pipe(self, tmp_path: Path, name: str) -> None:
        os.mkfifo(tmp_path / name)
        assert "is a pipe" in refusal(tmp_path / name)

    @pytest.mark.parametrize("name", ["data.xlsx", "data"])
    def test_suffix(self, tmp_path: Path, name: str) -> None:
        message = refusal(write(tmp_path, "1\n2\n", name))
        assert f'"{Path(name).suffix}"' in message and ".csv or .npy" in message

    def test_suffix_in_capitals(self, tmp_path: Path) -> None:
        assert read_table(write(tmp_path, "1\n2\n", "DATA.CSV")).rows == 2

    @pytest.mark.parametrize("name", ["a.csv", "a.npy"])
    def test_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        path = write(tmp_path, "1\n2\n", name)
        monkeypatch.setattr(Path, "open", refuse)
        assert refusal(path) == "cannot be read: Permission denied"

    def test_a_failing_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        class Failing(io.BytesIO):
            def read(self, *_: object) -> bytes:
                raise OSError(5, "Input/output error")

        path = write(tmp_path, npy([1, 2]), "a.npy")
        monkeypatch.setattr(Path, "open", lambda *_: Failing())
        assert refusal(path) == "cannot be read: Input/output error"

    def test_names_that_no_file_can_have(self) -> None:
        for name in ("a\0b.csv", "x" * 5000 + ".csv", "a\nb.csv", "\udcff.csv"):
            with pytest.raises(ExperimentError) as caught:
                read_table(Path(name))
            assert str(caught.value).isprintable()
        with pytest.raises(ExperimentError, match="is a folder"):
            read_table(Path())


# Squares of larger numbers, which the variance needs, would not be finite; of smaller ones, 0.
NUMBERS = st.floats(-1e150, 1e150, allow_nan=False)
POINTS = (
    st.integers(1, 2)
    .flatmap(lambda width: arrays(np.float64, st.tuples(st.integers(2, 20), st.just(width)), elements=NUMBERS))
    .filter(lambda points: bool((points.std(axis=0) > 0).all()) and bool((np.ptp(points, axis=0) > 0).all()))
)
PIECES = st.sampled_from([*'0123456789.,;\t\n\r"-eE+ NAnai?x#/\\\0\ufeffé\u2028\x85', "inf", "1e999"])


def text_bytes(size: int) -> st.SearchStrategy[bytes]:
    return st.lists(PIECES, max_size=size).map(lambda pieces: "".join(pieces).encode())


# Files take their time on a busy machine.
unhurried = settings(deadline=None)


class TestAnyFile:
    @unhurried
    @given(POINTS, st.sampled_from(",;\t"), st.booleans(), st.sampled_from(["\n", "\r\n", "\r"]))
    def test_csv_round_trip(self, points: np.ndarray, delimiter: str, headed: bool, end: str) -> None:
        names = [f"name {index}" for index in range(points.shape[1])]
        lines = [delimiter.join(map(repr, row)) for row in points.tolist()]
        with tempfile.TemporaryDirectory() as folder:
            content = end.join([delimiter.join(names)] * headed + lines)
            table = read_table(write(Path(folder), content))
        np.testing.assert_array_equal(table.points, points)
        assert table.columns == tuple(names if headed else [f"column {i + 1}" for i in range(len(names))])

    @unhurried
    @given(POINTS, st.booleans())
    def test_npy_round_trip(self, points: np.ndarray, fortran: bool) -> None:
        saved = np.asfortranarray(points) if fortran else points
        with tempfile.TemporaryDirectory() as folder:
            table = read_table(write(Path(folder), npy(saved), "a.npy"))
        np.testing.assert_array_equal(table.points, points)

    @unhurried
    @given(
        st.binary(max_size=200) | text_bytes(100),
        st.sampled_from(["csv", "npy"]),
    )
    def test_any_bytes(self, content: bytes, suffix: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = write(Path(folder), content, f"any.{suffix}")
            read_or_refuse(path)
            read_or_refuse(path, ("1",))
            read_or_refuse(path, ("x", "2"))

    @settings(max_examples=300, deadline=None)
    @given(
        st.sampled_from(
            [
                ("csv", b'name,x,y\nAdelie,39.1,18.7\n"a,b",39.5,NA\nc,40.3,18\n\nd,,1e3\n'),
                ("csv", "\ufeffgröße;y\r\n1;2\r\n3;4\r\n".encode()),
                ("npy", npy([[1.0, 2.0], [np.nan, 3.0], [4.0, 5.0]])),
                ("npy", npy(np.arange(6, dtype=np.int16))),
            ]
        ),
        st.data(),
    )
    def test_damaged_files(self, original: tuple[str, bytes], data: st.DataObject) -> None:
        suffix, content = original
        damaged = bytearray(content)
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(damaged)))
            stop = start + data.draw(st.integers(0, 3))
            damaged[start:stop] = data.draw(st.binary(max_size=3) | text_bytes(3))
        with tempfile.TemporaryDirectory() as folder:
            path = write(Path(folder), bytes(damaged), f"any.{suffix}")
            read_or_refuse(path)
            read_or_refuse(path, ("x", "y") if suffix == "csv" else ("1",))

    @unhurried
    @given(st.text(st.sampled_from("[](){},'\"-+*:0123456789<>|fiOVUbxL \\\n#"), max_size=120))
    def test_any_npy_header(self, header: str) -> None:
        for descr, shape in (("'<f8'", header), (header, "(2,)")):
            text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
            content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(16)
            with tempfile.TemporaryDirectory() as folder:
                read_or_refuse(write(Path(folder), content, "any.npy"))

    @pytest.mark.parametrize("header", ["(" * 5000, "-" * 9000 + "1", "[" * 5000 + "]" * 5000, "9" * 5000, "'\\d'"])
    def test_npy_headers_that_hurt_the_parser(self, tmp_path: Path, header: str) -> None:
        text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {header}}}\n".encode()
        content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
        assert "numpy.save" in refusal(write(tmp_path, content, "a.npy"))


def test_a_table_is_compared_by_identity() -> None:
    table = read_table(DATA / "faithful.csv")
    assert isinstance(table, Table) and table == table and hash(table) == hash(table)  # noqa: PLR0124
