"""Multipart bodies, read piece by piece."""

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay.testing import File, JavaError
from aioliferay.testing._multipart import LARGEST_KEPT_FILE, MultipartReader

TYPE = "multipart/form-data; boundary=B"
CUT_SHORT = "org.apache.commons.fileupload.FileUploadException: Stream ended unexpectedly"


def read(*pieces, content_type=TYPE):
    """What a reader finds in a body that comes in pieces."""
    reader = MultipartReader(content_type)
    for piece in pieces:
        reader.feed(piece)
    assert sum(map(len, pieces)) == reader.length
    return reader.parts()


def part(content, *, name="file", filename="f.bin", kind="text/plain"):
    """A part with a file, behind its delimiter."""
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"'
    return f"--B\r\n{disposition}\r\nContent-Type: {kind}\r\n\r\n".encode() + content + b"\r\n"


def cut(body, places):
    """The body in pieces."""
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]


@given(
    contents=st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n--", b"--B", b"\r\n--A\r\n\r\n", b"\r\n\r\n"]))
    ),
    places=st.lists(st.integers(0, 2000)),
    preamble=st.sampled_from([b"", b"before\r\n", b"-", b"--\r\n"]),
    epilogue=st.sampled_from([b"", b"\r\n", b"--B\r\nafter\r\n"]),
)
def test_pieces_do_not_matter(contents, places, preamble, epilogue):
    """However a body comes in pieces, its parts are the same, byte by byte."""
    kept = [content for content in contents if b"\r\n--B" not in b"\r\n" + content]
    body = preamble + b"".join(map(part, kept)) + b"--B--" + epilogue
    found = read(*cut(body, places))
    assert [("file", content) for content in kept] == found
    assert all((file.filename, file.content_type, file.size) == ("f.bin", "text/plain", len(file)) for _, file in found)


@given(body=st.binary(max_size=200), places=st.lists(st.integers(0, 200)))
def test_any_body_is_read_or_refused(body, places):
    """What comes for a multipart body is read or is an UploadException, the same for one piece and for many."""
    for prefix in (b"", b"--B\r\n", b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n"):
        outcomes = []
        for pieces in ([prefix + body], cut(prefix + body, places)):
            try:
                outcomes.append(read(*pieces))
            except JavaError as error:
                outcomes.append(error.message)
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "body",
    [
        b"--B",
        b"--B\r\n",
        b"--B\r\nContent-Disposition: form-data; name=a",
        part(b"abc")[:-2],
        part(b"abc"),
        part(b"abc") + b"--B",
        part(b"abc").replace(b"\r\n", b"\n") + b"--B--",
        b"--B\r\nno end of head\r\n--B--",
        b"--B\r\nX: " + b"x" * 20_000 + b"\r\n\r\n\r\n--B--",
        b"--B\r\nX: " + b"x" * 20_000,
    ],
)
def test_body_that_ends_too_soon_is_refused(body):
    """A body without its end, or a head without, is the portal's UploadException."""
    with pytest.raises(JavaError) as caught:
        read(body)
    assert ("com.liferay.portal.kernel.upload.UploadException", CUT_SHORT) == (caught.value.java_class, caught.value.message)


def test_body_without_boundary_is_refused():
    """The header must name the boundary."""
    with pytest.raises(JavaError, match="no multipart boundary"):
        read(b"--B--", content_type="multipart/form-data")


def test_parts_without_name_count_for_nothing():
    """A part whose disposition has no name is passed over, and so is what no boundary delimits."""
    body = b'--B\r\nFoo: bar\r\n\r\nx\r\n--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xc3\xa9\r\n--B--'
    assert [("a", "é")] == read(body)
    assert [] == read(b"garbage") == read()


def test_field_that_is_long_is_refused():
    """A part that is no file may have 262,144 bytes."""
    field = b'--B\r\nContent-Disposition: form-data; name="cmd"\r\n\r\n' + b"x" * 262_144
    assert 262_144 == len(read(field, b"\r\n--B--")[0][1])
    with pytest.raises(JavaError, match="The field cmd exceeds its maximum permitted size of 262144 bytes"):
        read(field + b"x" * 5000, b"x\r\n--B--")


@pytest.mark.parametrize("size", [LARGEST_KEPT_FILE, LARGEST_KEPT_FILE + 1, 3_000_000])
def test_big_file_is_counted_only(size):
    """Of a file above 1 MiB the length and the hash are known, the bytes are not."""
    content = bytes(range(256)) * (size // 256 + 1)
    body = part(content[:size]) + b"--B--"
    ((_, file),) = read(*(body[place : place + 65_536] for place in range(0, len(body), 65_536)))
    assert isinstance(file, File)
    assert (size, hashlib.sha256(content[:size]).hexdigest()) == (file.size, file.sha256)
    assert (size <= LARGEST_KEPT_FILE) == (len(file) == size)
