"""The EverAI platform over HTTP: client, tokens, time limits."""

from autoscaler.everai.client import EverAIClient, parse_endpoint
from autoscaler.everai.limits import Pool, TimeLimits
from autoscaler.everai.token import Token, TokenSource

__all__ = ["EverAIClient", "Pool", "TimeLimits", "Token", "TokenSource", "parse_endpoint"]
