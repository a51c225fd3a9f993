"""The words of the program as frozen values, and its error tree. Standard library only."""

from autoscaler.model.app_info import AppInfo, AppStatus, Scaler
from autoscaler.model.decision import (
    Action,
    Candidate,
    Decision,
    Hold,
    Limit,
    ScaleDown,
    ScaleUp,
    action_name,
)
from autoscaler.model.intervention import Intervention, InterventionKind
from autoscaler.model.observation import AppKey, NoData, Observation, QueuedRequest, Unobserved
from autoscaler.model.reasons import Reason
from autoscaler.model.recommendation import Census, PolicyInput, Proposal, Recommendation, Role
from autoscaler.model.signals import PrometheusQuery, SignalRequest, WebhookCall
from autoscaler.model.worker import PRESENT, Worker, WorkerState, classify

__all__ = [
    "PRESENT",
    "Action",
    "AppInfo",
    "AppKey",
    "AppStatus",
    "Candidate",
    "Census",
    "Decision",
    "Hold",
    "Intervention",
    "InterventionKind",
    "Limit",
    "NoData",
    "Observation",
    "PolicyInput",
    "PrometheusQuery",
    "Proposal",
    "QueuedRequest",
    "Reason",
    "Recommendation",
    "Role",
    "ScaleDown",
    "ScaleUp",
    "Scaler",
    "SignalRequest",
    "Unobserved",
    "WebhookCall",
    "Worker",
    "WorkerState",
    "action_name",
    "classify",
]
