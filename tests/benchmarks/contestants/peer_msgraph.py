"""Batches of Microsoft Graph's core library, which takes 20 calls a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx
from contestants.base import Contestant
from kiota_abstractions.api_client_builder import register_default_deserializer, register_default_serializer
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from kiota_serialization_json.json_serialization_writer_factory import JsonSerializationWriterFactory
from msgraph_core import BaseGraphRequestAdapter, GraphClientFactory
from msgraph_core.requests.batch_request_builder import BatchRequestBuilder
from msgraph_core.requests.batch_request_content_collection import BatchRequestContentCollection
from msgraph_core.requests.batch_request_item import BatchRequestItem

if TYPE_CHECKING:
    from works import Command


class MsGraph(Contestant):
    """A collection of request items, posted by a `BatchRequestBuilder`, and the answers by the items' ids."""

    async def __aenter__(self) -> Self:
        register_default_serializer(JsonSerializationWriterFactory)
        register_default_deserializer(JsonParseNodeFactory)
        self.http = GraphClientFactory.create_with_default_middleware(client=httpx.AsyncClient(timeout=None))  # noqa: S113 - ours
        adapter = BaseGraphRequestAdapter(AnonymousAuthenticationProvider(), http_client=self.http)
        adapter.base_url = self.url
        self.builder = BatchRequestBuilder(adapter)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def run(self, commands: list[Command]) -> list[Any]:
        """Make all calls, 20 in each request."""
        collection, items = BatchRequestContentCollection(), []
        for _, params, _ in commands:
            request = RequestInformation()
            request.http_method = Method.DELETE
            request.url = f"/entries/{params['entryId']}"
            items.append(BatchRequestItem(request_information=request))
            collection.add_batch_request_item(items[-1])
        answers = {}
        for content in (await self.builder.post(collection)).get_responses():
            answers |= content.responses
        return [answers[item.id].body for item in items]
