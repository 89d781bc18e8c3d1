"""What is asked in the benchmarks, and what is answered. Knows commands and results; knows neither clients nor servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

FIRST = 100_000  # the entry's number of the first command: all have six digits, so that a void command has 47 bytes


class Entry(BaseModel):
    """A blog entry with all of its properties. Its dates are plain numbers: they would cost the same on both sides."""

    model_config = ConfigDict(alias_generator=to_camel)

    allow_pingbacks: bool
    allow_trackbacks: bool
    company_id: int
    content: str
    create_date: int
    description: str
    display_date: int
    entry_id: int
    group_id: int
    modified_date: int
    small_image: bool
    small_image_id: int
    small_image_url: str = Field(alias="smallImageURL")
    status: int
    status_by_user_id: int
    status_by_user_name: str
    status_date: int
    title: str
    trackbacks: str
    url_title: str
    user_id: int
    user_name: str
    uuid: str


class Second(Entry):
    """Another model of the same shape: a batch of several kinds of results has several models."""


class Third(Entry):
    """As above."""


class Fourth(Entry):
    """As above."""


class Command(NamedTuple):
    """What a program has in hand when it makes a call."""

    path: str
    params: dict[str, object]
    returns: Any


@dataclass(frozen=True)
class Work:
    """What all contestants of one measurement are asked to do.

    Attributes:
        name: in tables.
        path: the service.
        shape: what the server answers each statement with: "null" or "entry".
        models: the types of the results in turn; empty for results as they come.
    """

    name: str
    path: str
    shape: str
    models: tuple[type[BaseModel], ...] = ()

    def command(self, position: int) -> Command:
        """Return the command at a position."""
        returns = self.models[position % len(self.models)] if self.models else Any
        return Command(self.path, {"entryId": FIRST + position}, returns)

    def check(self, results: Any, size: int, *, each: int, is_exact: bool = True) -> None:
        """Fail unless these are the results of the first `size` commands, in their order, and exactly of their types.

        `each`: how many commands a request had; the server numbers its answers from the beginning of each.

        Raises:
            RuntimeError: they are not.
        """
        if len(results) != size:
            raise RuntimeError(f"{len(results)} results for {size} commands")
        for position in {0, size // 2, size - 1}:
            result = results[position]
            number = result.entry_id if isinstance(result, Entry) else result and result["entryId"]
            kind = self.command(position).returns
            is_right_kind = kind is Any or not is_exact or type(result) is kind
            if number != (None if self.shape == "null" else FIRST + position % each) or not is_right_kind:
                raise RuntimeError(f"of the results for {size} commands, that at {position} is {result!r}")


GET = "/blogsentry/get-entry"
WORKS = {
    work.name: work
    for work in (
        Work("void", "/blogsentry/delete-entry", "null"),
        Work("reads", GET, "null"),
        Work("entries", GET, "entry"),
        Work("one model", GET, "entry", (Entry,)),
        Work("mixed models", GET, "entry", (Entry, Second, Third, Fourth)),
    )
}

_ENTRY = (
    b'{"allowPingbacks":true,"allowTrackbacks":false,"companyId":20155,'
    b'"content":"<p>What is new in this month, and why it matters to everyone who reads us.</p>",'
    b'"createDate":1700000000000,"description":"","displayDate":1700000000000,"entryId":%d,"groupId":20182,'
    b'"modifiedDate":1700000001000,"smallImage":false,"smallImageId":0,"smallImageURL":"","status":0,'
    b'"statusByUserId":20199,"statusByUserName":"Test Test","statusDate":1700000002000,"title":"What is new in June",'
    b'"trackbacks":"","urlTitle":"what-is-new-in-june","userId":20199,"userName":"Test Test",'
    b'"uuid":"5a3c1c1e-7f0b-4e0e-9d0f-2b8a6f1d9c11"}'
)


def results_of(shape: str, count: int) -> list[bytes]:
    """Return the results of so many statements, as JSON."""
    return [b"null"] * count if shape == "null" else [_ENTRY % (FIRST + position) for position in range(count)]
