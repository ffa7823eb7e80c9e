"""The shares of a swarm on the workers of a Dask cluster, which must see the directory of the run under the same path."""

from collections.abc import Sequence
from typing import Any

from station.fleet.running import connected
from station.replay.opening.errors import ReplayError
from station.swarm.share import Share
from station.swarm.worker import run_here


def on_cluster(shares: Sequence[Share], scheduler: str) -> list[dict[str, Any]]:
    """Runs every share to its end; their last figures. A worker that dies has its share run again elsewhere.

    Raises LibraryMissing, and ReplayError when the scheduler cannot be reached, or has fewer workers than there are shares.
    """
    with connected(scheduler) as client:
        workers = sum(client.nthreads().values())
        if workers < len(shares):
            raise ReplayError(f"the cluster has {workers} threads for {len(shares)} shares: give fewer --workers")
        futures = [client.submit(run_here, share, pure=False, retries=3) for share in shares]
        found: list[dict[str, Any]] = client.gather(futures)
        return found
