"""The error tree of talking to the platform, sorted by what the caller does about it.

    PlatformError
    ├── RetryLater       try again at the next pass, with backoff
    │   ├── Unreachable        no connection, or no reply
    │   ├── ServerFault        5xx
    │   ├── Throttled          429, or our own budget
    │   └── MalformedReply     not the promised JSON
    ├── Refused          hold: the same call would be refused again
    │   ├── Rejected           400, 409 and other 4xx
    │   ├── AppNotFound        404: hold this app until it appears
    │   └── NotLeader          never sent: acting is not surely ours any more
    └── Denied           the configuration is wrong: a person must act
        ├── Unauthorized       401
        └── Forbidden          403

Every error says whether the call may have been carried out all the same (``maybe_applied``).
"""

from __future__ import annotations

from typing import ClassVar

from autoscaler.model.reasons import Reason


class AutoscalerError(Exception):
    """Root of every error this program raises on purpose."""


class ConfigurationError(AutoscalerError):
    """The configuration cannot be used; the message names place and value."""


class StateError(AutoscalerError):
    """The state store could not be read or written."""


class LeaseError(AutoscalerError):
    """The lease that says who leads could not be read or written."""


class LeaseTaken(LeaseError):  # noqa: N818 - named for what happened
    """Somebody else wrote the lease since it was read."""


class ResourceError(AutoscalerError):
    """Objects of the cluster could not be read or written."""


class ResourcesExpired(ResourceError):  # noqa: N818 - named for what happened
    """What was asked for lies too far back: everything is to be listed anew."""


class ResourcesUndefined(ResourceError):  # noqa: N818 - named for what happened
    """The cluster does not know objects of this kind."""


class ResourceGone(ResourceError):  # noqa: N818 - named for what happened
    """The object is not there any more."""


class ResourceRefused(ResourceError):  # noqa: N818 - named for what happened
    """The cluster understood and said no; the same again would be refused again."""


class HistoryError(AutoscalerError):
    """The history could not be read."""


class PlatformError(AutoscalerError):
    """A call to the platform did not succeed.

    Attributes:
        maybe_applied: whether the platform may have carried the call out all the same.
        status: the HTTP status, 0 where no reply came.
    """

    reason: ClassVar[Reason] = Reason.PLATFORM_ERROR

    def __init__(self, message: str, *, maybe_applied: bool = False, status: int = 0) -> None:
        super().__init__(message)
        self.maybe_applied = maybe_applied
        self.status = status


class RetryLater(PlatformError):  # noqa: N818 - named for what the caller does
    """Passing trouble. ``retry_after_s``: how long the platform asked to wait, if it did."""

    def __init__(
        self,
        message: str,
        *,
        maybe_applied: bool = False,
        status: int = 0,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, maybe_applied=maybe_applied, status=status)
        self.retry_after_s = retry_after_s


class Unreachable(RetryLater):
    """No connection, or no reply within the time limit."""

    reason = Reason.PLATFORM_UNREACHABLE


class ServerFault(RetryLater):
    """The platform, or a proxy before it, answered 5xx."""

    reason = Reason.PLATFORM_ERROR


class Throttled(RetryLater):
    """The platform answered 429, or our own request budget is spent."""

    reason = Reason.THROTTLED


class MalformedReply(RetryLater):
    """The reply was not the JSON that the API promises."""

    reason = Reason.MALFORMED_REPLY


class Refused(PlatformError):  # noqa: N818 - named for what happened
    """The platform understood and said no."""

    reason = Reason.REQUEST_REJECTED


class Rejected(Refused):
    """400, 409 or another 4xx: the call as such is wrong at this moment."""


class AppNotFound(Refused):
    """404: the platform does not know the app."""

    reason = Reason.APP_NOT_FOUND


class NotLeader(Refused):
    """The call did not leave: acting is not surely ours any more."""

    reason = Reason.NOT_LEADER


class Denied(PlatformError):  # noqa: N818 - named for what happened
    """The credentials do not open the door."""


class Unauthorized(Denied):
    """401: the token is missing, wrong or expired."""

    reason = Reason.UNAUTHORIZED


class Forbidden(Denied):
    """403: the token may not touch this app."""

    reason = Reason.FORBIDDEN
