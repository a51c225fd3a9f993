"""``webhook``: a service of one's own gets the observation and answers a number of workers.

The escape hatch of every peer (KEDA's external scaler, Ray Serve's policy function), over plain
HTTP: ``POST`` of the observation as JSON; the reply is a number, or an object with the number under
``workers``. A reply that is late, wrong or missing is NoData: it never lowers the number, and the
app's fallback takes over after a while.
"""

from __future__ import annotations

from typing import Any, cast

from autoscaler.model import NoData, PolicyInput, Recommendation, SignalRequest, WebhookCall
from autoscaler.policies.arithmetic import workers_up
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.outside import OutsideParams, answer_of


class WebhookParams(OutsideParams):
    """Parameters of ``webhook``."""


class WebhookPolicy(Policy):
    """The number that a web service answers."""

    kind = "webhook"
    Params = WebhookParams

    @property
    def signals_wanted(self) -> tuple[SignalRequest, ...]:
        """The call."""
        params = cast("WebhookParams", self.params)
        return (WebhookCall(self.name, params.url, params.timeout, params.token_file),)

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the answered number; NoData where there was none."""
        value = answer_of(given, self.name)
        if isinstance(value, NoData):
            return value, state
        workers = workers_up(value)
        return Recommendation(workers, f"the webhook answers {value:g}", {"value": value}), state
