"""Tells people what happens, by webhooks; whatever becomes of a message, scaling goes on."""

from autoscaler.notifications.delivery import Tried
from autoscaler.notifications.notice import Event, Notice, Severity
from autoscaler.notifications.notifier import Notifier
from autoscaler.notifications.target import Format, Quiet, Target

__all__ = ["Event", "Format", "Notice", "Notifier", "Quiet", "Severity", "Target", "Tried"]
