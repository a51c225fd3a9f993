"""What a policy is: a pure function from an observation to a wanted number of workers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from autoscaler.model import NoData, PolicyInput, Recommendation, Role, SignalRequest
from autoscaler.policies.params import PolicyParams

Answer = Recommendation | NoData


class Policy(ABC):
    """One way of thinking about how many workers an app needs.

    A policy is pure: the same input and state give the same answer, it does no I/O and reads no
    clock. What it needs to remember it returns as state and gets back at the next pass.

    Attributes:
        kind: the name under which a configuration asks for it.
        Params: its parameters, validated.
        state_type: the type of its state, which must be made of dataclasses, tuples, dicts and
            plain values (it is stored as JSON); ``None`` for a policy without state.
        needs: signals it wants fetched (``"request_queue"``, …).
        pure: ``False`` only for a policy that runs foreign code, for which nobody can promise it.
        monotone_in_load: whether more waiting or busy requests, all else equal, never lower its
            answer; the conformance suite checks it where it is claimed.
        rests: whether its answer never rises while nothing is served or waits and no worker comes
            or goes. Only then may an app be looked at less often (``interval_max``); a policy that
            follows the time of day or the world outside does not rest.
        role: what the app uses the number for; set by the configuration, no affair of the policy.
    """

    kind: ClassVar[str]
    Params: ClassVar[type[PolicyParams]]
    state_type: ClassVar[type[Any] | None] = None
    needs: ClassVar[frozenset[str]] = frozenset()
    pure: ClassVar[bool] = True
    monotone_in_load: ClassVar[bool] = False
    rests: ClassVar[bool] = False

    role: Role = Role.TARGET

    def __init__(self, params: PolicyParams, name: str = "") -> None:
        """Take validated parameters (an instance of ``Params``) and a name unique in the app."""
        self.name = name or self.kind
        self.params = params

    @property
    def signals_wanted(self) -> tuple[SignalRequest, ...]:
        """Numbers from outside the platform to fetch before each pass; none by default."""
        return ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.params!r}, name={self.name!r})"

    @abstractmethod
    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the wanted number of workers, or NoData, and the state for the next pass.

        ``state`` is what the last call returned, ``None`` at the first.
        """
