"""Take in what the platform says of an app as a whole."""

from __future__ import annotations

from autoscaler.decision.change import changed
from autoscaler.decision.memory import AppMemory
from autoscaler.model import AppInfo, AppStatus, Reason


def learn_app(memory: AppMemory, app: AppInfo, now: float, order_deadline_s: float) -> AppMemory:
    """Return memory that knows ``app``.

    An app that was paused a moment ago may be given workers by the platform itself; ordering waits
    for one deadline, until the list shows what it did.
    """
    before = memory.app
    resumed = (
        before is not None
        and before.status is AppStatus.PAUSED
        and app.status is AppStatus.DEPLOYED
    )
    if not resumed:
        return changed(memory, app=app)
    return changed(
        memory,
        app=app,
        hold_orders_until=max(memory.hold_orders_until, now + order_deadline_s),
        hold_orders_why=Reason.JUST_RESUMED,
    )
