"""Which policies there are: built-in ones, and plug-ins of the group ``autoscaler.policies``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

from autoscaler.model.errors import ConfigurationError
from autoscaler.policies.base import Policy
from autoscaler.policies.concurrency import ConcurrencyPolicy
from autoscaler.policies.everai_builtin import EverAIFreeWorkerPolicy, EverAISimplePolicy
from autoscaler.policies.everai_class import EverAIClassPolicy
from autoscaler.policies.fixed import FixedPolicy
from autoscaler.policies.free_workers import FreeWorkersPolicy
from autoscaler.policies.ongoing_requests import OngoingRequestsPolicy
from autoscaler.policies.predictive import PredictivePolicy
from autoscaler.policies.prometheus import PrometheusPolicy
from autoscaler.policies.queue import QueuePolicy
from autoscaler.policies.queue_age import QueueAgePolicy
from autoscaler.policies.schedule import SchedulePolicy
from autoscaler.policies.slo import SloPolicy
from autoscaler.policies.step import StepPolicy
from autoscaler.policies.utilization import UtilizationPolicy
from autoscaler.policies.webhook import WebhookPolicy

GROUP = "autoscaler.policies"
"""The entry-point group of plug-ins; the entry's name is the policy's kind."""

BUILT_IN: tuple[type[Policy], ...] = (
    QueuePolicy,
    SloPolicy,
    QueueAgePolicy,
    FreeWorkersPolicy,
    UtilizationPolicy,
    ConcurrencyPolicy,
    OngoingRequestsPolicy,
    StepPolicy,
    SchedulePolicy,
    PredictivePolicy,
    PrometheusPolicy,
    WebhookPolicy,
    FixedPolicy,
    EverAISimplePolicy,
    EverAIFreeWorkerPolicy,
    EverAIClassPolicy,
)


@cache
def policies() -> Mapping[str, type[Policy]]:
    """Return every policy class by kind; read once per process.

    Raises:
        ConfigurationError: a plug-in cannot be loaded, is no policy, or takes a built-in's name.
    """
    found: dict[str, type[Policy]] = {policy.kind: policy for policy in BUILT_IN}
    for entry in entry_points(group=GROUP):
        if entry.name in found:
            raise ConfigurationError(f"plug-in {entry.value}: policy {entry.name!r} exists already")
        try:
            loaded = entry.load()
        except Exception as error:
            raise ConfigurationError(f"plug-in {entry.value} cannot be loaded: {error}") from error
        if not (isinstance(loaded, type) and issubclass(loaded, Policy)):
            raise ConfigurationError(f"plug-in {entry.value} is no subclass of Policy")
        found[entry.name] = loaded
    return MappingProxyType(found)
