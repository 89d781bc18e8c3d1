import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    """Every test of the portal runs on both event loops."""
    return request.param
