"""The form of an upload, piece by piece: whatever is in it, another reader gets the same out of it."""

from __future__ import annotations

import io
import os

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay._core import multipart
from aioliferay._sources import Form
from aioliferay.errors import NotSentError
from aioliferay.testing._multipart import MultipartReader

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
_CONTENT = st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n--B", b"\r\n", b"--B--", bytes(70_000)])))


async def _pieces(content):
    for piece in content:
        yield piece


def _contents(content, kind):
    data = b"".join(content)
    return {"bytes": lambda: data, "file": lambda: io.BytesIO(data), "iterator": lambda: _pieces(content)}[kind]()


async def _sent(form):
    """Return the pieces of a form."""
    await form.open()
    form.restart()
    pieces = []
    while piece := await form.next():
        assert len(piece) <= 65_536
        pieces.append(piece)
    await form.aclose()
    return pieces


@given(
    st.lists(st.tuples(_NAME, _TEXT), max_size=3),
    st.lists(st.tuples(_NAME, _CONTENT, st.sampled_from(["bytes", "file", "iterator"])), min_size=1, max_size=3),
    st.integers(1, 200),
)
def test_form_is_read_as_it_was_written(fields, files, step):
    """Fields and files come out as they went in, for the portal's way of reading too, in steps of any size."""
    boundary = "Baioliferay"
    form = Form("/x/y", fields, boundary=boundary, progress=None)
    for name, content, kind in files:
        form.add(name, _contents(content, kind))
    body = b"".join(anyio.run(_sent, form))
    assert form.size in {None, len(body)}
    assert (None is form.size) == any(kind == "iterator" for _, _, kind in files)
    assert (len(body), True) == (form.sent, form.is_whole)
    reader = MultipartReader(form.content_type)
    for start in range(0, len(body), step * 50):
        reader.feed(body[start : start + step * 50])
    expected = [(name, b"".join(content)) for name, content, _ in files]
    parts = reader.parts()
    assert fields == [(name, value) for name, value in parts if isinstance(value, str)]
    assert expected == [(name, bytes(value)) for name, value in parts if not isinstance(value, str)]


def test_form_is_sent_again_as_it_was():
    """A form that begins anew is the same, also from the middle of its first way; one that cannot says so."""

    async def main():
        form = Form("/x/y", [("a", "b")], boundary="B", progress=None)
        form.add("f", io.BytesIO(bytes(200_000)))
        await form.open()
        form.restart()
        for _ in range(3):
            await form.next()
        assert form.may_go_again
        assert not form.is_whole
        again = b"".join(await _sent(form))
        once = Form("/x/y", [], boundary="B", progress=None)
        once.add("f", _pieces([b"x"]))
        await _sent(once)
        with pytest.raises(NotSentError, match="its content can be read once only"):
            once.restart()
        return again

    body = anyio.run(main)
    head = multipart.field("B", "a", "b") + multipart.file_head("B", "f", filename="f")
    assert head + bytes(200_000) + b"\r\n" + multipart.closing("B") == body


def test_content_that_is_no_bytes_is_told():
    """A file that is non-blocking and has nothing, or reads text after all, ends the form."""

    class Empty(io.RawIOBase):
        def readinto(self, _):
            return None

    class Text:
        def read(self, _):
            return "text"

    async def main(content):
        form = Form("/x/y", [], boundary="B", progress=None)
        form.add("f", content)
        with pytest.raises(NotSentError) as caught:
            await _sent(form)
        return type(caught.value.__cause__)

    assert BlockingIOError is anyio.run(main, Empty())
    assert TypeError is anyio.run(main, Text())


def test_name_of_a_file_that_is_no_text(tmp_path):
    """A path whose name is no UTF-8 has a name all the same."""
    if os.name != "posix":
        pytest.skip("names are bytes on POSIX systems only")
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.txt")  # noqa: PTH118 - bytes
    try:
        with open(path, "wb") as file:  # noqa: PTH123 - bytes
            file.write(b"x")
    except OSError:
        pytest.skip("this file system takes no such name")

    class Path:
        def __fspath__(self):
            return path

    form = Form("/x/y", [], boundary="B", progress=None)
    form.add("f", Path())
    assert b'filename="caf' in b"".join(anyio.run(_sent, form))
