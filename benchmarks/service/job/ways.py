"""All ways by name, in the order of tables and pictures."""

from __future__ import annotations

from .base import Way
from .coffea_own import CoffeaOwn
from .dask_actor import DaskActor
from .histserv_grpc import Histserv
from .hugehist_service import Service

WAYS: dict[str, type[Way]] = {
    "coffea": CoffeaOwn,
    "dask-actor": DaskActor,
    "histserv-lz4": Histserv,
    "hugehist": Service,
}
