"""Errors of the service; all are `hugehist.Error`.

None of them has an OSError as its cause: coffea would take the chunk for one of a bad file, and with
`skipbadfiles=True` leave it out.
"""

from __future__ import annotations

from .._core import Error


class ServiceError(Error):
    """The accumulator cannot be reached, or cannot go on; the message says which and why."""


class AttemptLostError(ServiceError):
    """The accumulator does not have all parts of an attempt any more: the work must be done again."""


class BusyError(ServiceError):
    """The accumulator has no room now, or is about to stop: the same call may do better later."""


class RefusedError(ServiceError):
    """The accumulator does not know the token of the caller, or what it was sent is no call that it has."""
