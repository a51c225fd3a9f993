"""Outside answers for policies: Prometheus queries and webhooks, over HTTP."""

from autoscaler.signals.fetcher import SignalFetcher

__all__ = ["SignalFetcher"]
