"""The input of a job: what is read, which commands are handed out, what is skipped, and where it ends."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import anyio
import pytest

from aioliferay import _feeding
from aioliferay._feeding import Feed, JobError, Source
from aioliferay._lines import CsvLines, JsonLines
from aioliferay._recording import Recorder, Results

pytestmark = pytest.mark.anyio
LINE = b'{"path": "/x/get-y", "id": %d}\n'


@pytest.fixture
def recorder(tmp_path):
    recorder = Recorder(Results(str(tmp_path / "out")))
    yield recorder
    recorder.close()


def lines(*numbers) -> bytes:
    return b"".join(LINE % number for number in numbers)


@contextmanager
def source_of(tmp_path, content, start=0, end=None):
    path = tmp_path / "calls"
    path.write_bytes(content)
    source = Source(str(path), start, end)
    try:
        yield source
    finally:
        source.close()


async def all_of(feed) -> list[object]:
    return [each.id async for each in feed]


async def test_commands_come_one_after_another(tmp_path, recorder):
    """Each line is handed out once, in order, and the recorder is told how far the input was read."""
    with source_of(tmp_path, lines(*range(3000))) as source:
        feed = Feed(source, JsonLines(), recorder)
        assert list(range(3000)) == await all_of(feed)
        assert (3000, source.size) == (feed.taken, feed.offset)
        with pytest.raises(StopAsyncIteration):
            await anext(feed)
    assert feed.offset == recorder._reach


async def test_lines_that_have_ended_are_skipped(tmp_path, recorder):
    """Lines that ended in an earlier run are not handed out, and blank lines around them count as ended with them."""
    recorder.ended.add(2, 2)
    recorder.ended.add(5, 5)
    with source_of(tmp_path, lines(1, 2) + b"\n\n" + lines(5, 6)) as source:
        feed = Feed(source, JsonLines(), recorder)
        assert [1, 6] == await all_of(feed)
    assert ([(2, 5)], 2) == (list(recorder.ended), feed.taken)


async def test_bad_lines_are_put_down_and_do_not_stop_it(tmp_path, recorder):
    """A line that is no command is told and has a result; the others come."""
    told = []
    with source_of(tmp_path, lines(1) + b"oops\n" + lines(3)) as source:
        assert [1, 3] == await all_of(Feed(source, JsonLines(), recorder, on_bad=told.append))
    assert [2] == [bad.place.line for bad in told]
    assert {"invalid": 1} == recorder.counts
    assert 2 in recorder.ended


async def test_many_bad_lines_are_put_down_on_the_way(tmp_path, recorder):
    """What is told of bad lines does not pile up in memory."""
    with source_of(tmp_path, b"oops\n" * 2500) as source:
        assert [] == await all_of(Feed(source, JsonLines(), recorder))
    assert 2000 == len((tmp_path / "out").read_bytes().splitlines())
    assert not recorder.is_full


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"oops\n", "line 2 of .*calls is no command that can be sent: it is no JSON"),
        (
            b'{"path": "nonsense"}\n',
            "line 2 of .*calls is no command .*: the path 'nonsense' is not of the form",
        ),
        (b'{"path": "/x/y", "params": {"a b": 1}}\n', "line 2 .* 'a b' is not a plain parameter name"),
    ],
)
async def test_strict_input_ends_before_a_bad_line(line, text, tmp_path, recorder):
    """A strict job ends before a line that is no command, also where only its path or a name is none; it has not ended."""
    with source_of(tmp_path, lines(1) + line + lines(3)) as source:
        feed = Feed(source, JsonLines(), recorder, is_strict=True)
        assert [1] == await all_of(feed)
        assert [] == await all_of(feed)
    assert re.search(text, feed.refused)
    assert (1, None) == (feed.taken, feed.failure)
    assert 2 not in recorder.ended


async def test_strict_input_names_all_lines_of_a_record(tmp_path, recorder):
    """A record of CSV with several lines is named by all of them."""
    with source_of(tmp_path, b'id,n\n"a\nb"\n') as source:
        feed = Feed(source, CsvLines('{"path": "{id}"}'), recorder, is_strict=True)
        assert [] == await all_of(feed)
    assert feed.refused.startswith("lines 2 to 3 of ")


async def test_columns_are_put_down_for_the_next_run(tmp_path, recorder):
    """The names of columns are known as soon as a record was handed out: a run that goes on reads no header."""
    with source_of(tmp_path, b"id,n\na,b\n") as source:
        assert ["a"] == await all_of(Feed(source, CsvLines('{"path": "/x/get-y", "id": "{id}"}'), recorder))
    assert ("id", "n") == recorder.columns


@pytest.mark.parametrize(
    ("content", "reader", "text"),
    [
        (b"\xff\xfe{\0", JsonLines, "calls cannot be read: it is UTF-16: save it as UTF-8"),
        (b"id\n1\n", partial(CsvLines, '{"path": "{idd}"}'), "calls cannot be read: the template names a column"),
        (b"", partial(CsvLines, "{}"), "calls cannot be read: it has no header"),
    ],
)
async def test_input_that_cannot_be_read_is_the_end(content, reader, text, tmp_path, recorder):
    """What cannot be read at all is told."""
    with source_of(tmp_path, content) as source:
        feed = Feed(source, reader(), recorder)
        assert [] == await all_of(feed)
    assert isinstance(feed.failure, JobError)
    assert text in str(feed.failure)


async def test_input_that_breaks_off_is_the_end(tmp_path, recorder):
    """If the file system fails, what was read before is handed out, and the reason told."""
    with source_of(tmp_path, lines(1)) as source:
        feed = Feed(source, JsonLines(), recorder)
        assert 1 == (await anext(feed)).id
        source.close()
        source._file = Failing()
        assert [] == await all_of(feed)
    assert str(feed.failure).endswith("calls cannot be read: Input/output error")


class Failing(io.BytesIO):
    def read(self, *_):
        raise OSError(5, "Input/output error")


def test_source_that_is_not_there_is_told(tmp_path):
    """A file that is not there, or is a folder, is told."""
    with pytest.raises(JobError, match="nowhere cannot be read: No such file or directory"):
        Source(str(tmp_path / "nowhere"))
    with pytest.raises(JobError, match="cannot be read: Is a directory"):
        Source(str(tmp_path))


async def test_part_of_a_file(tmp_path, recorder):
    """A part is read from its start to its end, and no byte further; its size is that of the whole up to there."""
    content = lines(*range(10_000, 30_000))
    each = len(LINE % 10_000)
    with source_of(tmp_path, content, each * 5, each * 12_000) as source:
        assert each * 12_000 == source.size
        feed = Feed(source, JsonLines(5, each * 5), recorder)
        assert list(range(10_005, 22_000)) == await all_of(feed)
        source.seek(each * 11_999)
        assert LINE % 21_999 == await source.read()
        assert b"" == await source.read()


async def test_digest_tells_inputs_apart(tmp_path):
    """What is looked at are the first and the last bytes before an offset, inside of the part."""

    def digest(content, offset=15_000) -> str:
        with source_of(tmp_path, content, 5000) as source:
            return source.digest(offset)

    content = bytes(range(200)) * 100
    same = digest(content)
    assert same == digest(b"x" * 5000 + content[5000:15_000])
    for place in (5000, 9000, 11_000, 14_999):
        assert same != digest(content[:place] + b"x" + content[place + 1 :])
    assert same != digest(content[:10_000] + b"x" + content[10_000:])
    assert digest(content, 5000) == digest(b"x" * 5000, 5000)


async def test_standard_input_is_read_as_it_comes(monkeypatch, recorder):
    """From a pipe, lines are handed out as soon as they are there, and waiting for more can be given up."""
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe:  # noqa: ASYNC230, PTH123 - a descriptor
        monkeypatch.setattr(sys, "stdin", pipe)
        source = Source("-")
        feed = Feed(source, JsonLines(), recorder)
        os.write(writing, lines(1))
        assert 1 == (await anext(feed)).id
        with anyio.move_on_after(0.01) as scope:
            await anext(feed)
        assert scope.cancelled_caught
        threads = threading.active_count()
        os.write(writing, lines(2))
        os.close(writing)
        assert [2] == await all_of(feed)
        source.seek(5)
        source.close()
        assert (None, threads) == (source.size, threading.active_count())


async def test_standard_input_may_be_a_file(tmp_path, monkeypatch, recorder):
    """A file on standard input is read like any other."""
    (tmp_path / "calls").write_bytes(lines(1, 2))
    with (tmp_path / "calls").open("rb") as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=file.fileno))
        assert [1, 2] == await all_of(Feed(Source("-"), JsonLines(), recorder))


async def test_reading_does_not_hold_up_others(tmp_path, recorder, monkeypatch):
    """Blocks are read in another thread."""
    threads = []
    block = Source._block
    monkeypatch.setattr(Source, "_block", lambda self: (threads.append(threading.get_ident()), block(self))[1])
    monkeypatch.setattr(_feeding, "_BLOCK", 50)
    with source_of(tmp_path, lines(1, 2, 3)) as source:
        assert [1, 2, 3] == await all_of(Feed(source, JsonLines(), recorder))
    assert len(threads) > 2
    assert threading.get_ident() not in threads
