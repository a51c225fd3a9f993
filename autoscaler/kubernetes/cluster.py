"""A connection to a cluster, and what its errors mean.

lightkube carries the calls: it is asynchronous, reads a rotated service account token again when
the old one is refused, and lets its caller limit the time of each call. It is imported where it is
used: a daemon without a cluster neither needs it nor pays for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from autoscaler.model.errors import ConfigurationError

if TYPE_CHECKING:
    from lightkube import AsyncClient

NOT_FOUND = 404
CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connection to a cluster. ``namespace``: ours, as pod or kubeconfig say."""

    client: AsyncClient
    namespace: str


def connect(setting: str) -> Cluster:
    """Connect as a pod does, else by the kubeconfig that ``KUBECONFIG`` or the home folder has.

    Nothing is sent yet.

    Args:
        setting: what of the configuration needs the cluster, for messages.

    Raises:
        ConfigurationError: lightkube is not installed, or there is neither a service account nor a
            usable kubeconfig.
    """
    try:
        from lightkube import AsyncClient, KubeConfig  # noqa: PLC0415 - optional
    except ImportError:
        raise ConfigurationError(
            f"{setting} needs the package lightkube; install everai-worker-autoscaler[kubernetes]"
        ) from None
    try:
        client = AsyncClient(KubeConfig.from_env().get())
    except Exception as error:  # noqa: BLE001 - lightkube's, yaml's, the file system's
        raise ConfigurationError(
            f"{setting}: no cluster can be reached by what is configured"
            f" ({type(error).__name__}: {error}); run in a pod with a service account, or set"
            " KUBECONFIG"
        ) from None
    return Cluster(client, client.namespace)


def status_of(error: Exception) -> int:
    """Return the HTTP status behind an error, 0 for none.

    An error within a watch has no reply of its own, only a Status object.
    """
    response: Any = getattr(error, "response", None)
    code = getattr(response, "status_code", 0) or getattr(getattr(error, "status", 0), "code", 0)
    return int(code or 0)


def words(error: Exception) -> str:
    """Say what went wrong, for people."""
    status = status_of(error)
    return f"{status} {error}" if status else f"{type(error).__name__} {error}".strip()


def moment(epoch_s: float) -> datetime:
    """Return the moment as Kubernetes wants it, which is never without its microseconds."""
    made = datetime.fromtimestamp(epoch_s, UTC)
    return made if made.microsecond else made.replace(microsecond=1)


def epoch_s(given: datetime | None) -> float:
    """Return a moment in epoch seconds; 0 for none."""
    return 0.0 if given is None else given.timestamp()
