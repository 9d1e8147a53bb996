"""All peers by name, in the order of tables and pictures."""

from __future__ import annotations

from .base import Peer
from .dask_actor import ActorPeer
from .histserv_grpc import HistservLz4Peer, HistservPeer
from .hugehist_service import ServicePeer

PEERS: dict[str, type[Peer]] = {
    "dask-actor": ActorPeer,
    "histserv": HistservPeer,
    "histserv-lz4": HistservLz4Peer,
    "hugehist": ServicePeer,
}
