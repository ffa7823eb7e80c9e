import pytest

from station.demo.bench_service import BenchService, DemoError


@pytest.mark.asyncio
async def test_a_service_that_does_not_answer_is_an_error() -> None:
    service = BenchService("http://127.0.0.1:9")
    with pytest.raises(DemoError, match="GET /api/state: ConnectError"):
        await service.state()
    await service.close()
