"""Wires what reads apps from objects of a cluster, and what tells the cluster how they fare."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from random import Random  # noqa: TID251 - an instance to inject is made here
from typing import Any

import structlog

from autoscaler import __version__
from autoscaler.model import AppKey
from autoscaler.model.errors import ResourceError
from autoscaler.ports import Clock, Leadership, Recorder, Resource, ResourceKey, Resources
from autoscaler.resources import EventDesk, StatusKeeper, Tally, Watching
from autoscaler.settings import Settings
from autoscaler.settings.custom_resources import ALL_NAMESPACES
from autoscaler.settings.resource import CUSTOM_RESOURCE, Age, Judge, Judged, Readiness, age_of

Objects = Mapping[ResourceKey, Resource]
Run = Callable[[], Coroutine[Any, Any, None]]

COMPONENT = "autoscaler"
ANEW_S = 5.0
"""Pause after a fault of ours."""
FIRST_LIST_S = 10.0
"""How long a single pass waits for the objects."""

_INSTALL = "autoscaler crd | kubectl apply --server-side -f -"


class CustomResources:
    """The objects as a source of apps. Whoever asked for it closes it."""

    def __init__(
        self,
        resources: Resources,
        namespaces: tuple[str | None, ...],
        clock: Clock,
        leadership: Leadership,
    ) -> None:
        """Wire up; ``namespaces``: which to watch, ``None`` for all."""
        self.tally = Tally(self._synced)
        self.keeper = StatusKeeper(
            resources,
            clock,
            current=self._current,
            leads_for=self._leads_for,
            tally=self.tally,
            on_refused=_say_refused,
        )
        self.desk = EventDesk(resources, clock, self._leads_for, self.tally, _say_refused)
        self._clock = clock
        self._leadership = leadership
        self._resources = resources
        self._judge = Judge()
        self._changed = asyncio.Event()
        self._watching = [
            Watching(
                resources,
                namespace,
                clock=clock,
                rng=Random(),  # noqa: S311 - jitters retries, guards nothing
                on_change=self._changed.set,
                on_trouble=_trouble_of(namespace),
            )
            for namespace in namespaces
        ]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to watch, and to write."""
        runs: list[Run] = [each.run for each in self._watching]
        runs += [self.keeper.run, self.desk.run, self._compare_definitions]
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._kept_up(run), name=str(run)) for run in runs]

    async def first(self) -> None:
        """Wait for the first list of every namespace, for a while."""
        waiting = (each.listed() for each in self._watching)
        try:
            async with asyncio.timeout(FIRST_LIST_S):
                await asyncio.gather(*waiting)
        except TimeoutError:
            structlog.get_logger().error(
                "custom resources could not be listed; only the file's apps are looked at"
            )

    async def changed(self) -> None:
        """Wait until an object came, changed or went since the last :meth:`judge`."""
        await self._changed.wait()

    def take(self) -> Objects:
        """Return every object as it is now."""
        self._changed.clear()
        return {one.key: one for each in self._watching for one in each.objects}

    def judge(self, objects: Objects, settings: Settings, source: Path) -> Judged:
        """Check what changed. Thousands of objects take seconds: not on the loop."""
        return self._judge.judge(settings, str(source), objects.values())

    def say(self, objects: Objects, judged: Judged) -> None:
        """Tell the cluster what became of its objects."""
        self.desk.judged(objects, judged.verdicts)
        self.keeper.judged(objects, judged.verdicts)
        verdicts = judged.verdicts.values()
        self.tally.ready = sum(each.readiness is Readiness.ACCEPTED for each in verdicts)
        self.tally.refused = len(verdicts) - self.tally.ready

    async def aclose(self) -> None:
        """Stop watching and writing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._resources.aclose()

    @property
    def recorders(self) -> tuple[Recorder, ...]:
        """Who is told of what happens to apps."""
        return (self.keeper, self.desk)

    def _synced(self) -> bool:
        return all(each.synced for each in self._watching)

    def _current(self, key: ResourceKey) -> Resource | None:
        found = (each.get(key) for each in self._watching)
        return next((one for one in found if one is not None), None)

    def _leads_for(self, app: AppKey) -> bool:
        return self._leadership.of(app).left_s() > 0

    async def _kept_up(self, run: Run) -> None:
        """Run something to its end; a fault of ours is said, and it begins anew."""
        while True:
            try:
                return await run()
            except Exception:  # noqa: BLE001 - the last line of defence: it runs for months
                structlog.get_logger().exception("custom resources: a part failed, and begins anew")
                await self._clock.sleep(ANEW_S)

    async def _compare_definitions(self) -> None:
        """Say once whether the cluster's definition is of another version than this program."""
        log = structlog.get_logger()
        for each in self._watching:
            await each.listed()
        try:
            found = await self._resources.definition()
        except ResourceError as error:
            log.warning("the custom resource's definition cannot be read", error=str(error))
            return
        if found is None:
            return
        age = age_of({"metadata": found})
        if age is not Age.SAME:
            log.warning(
                "the cluster's definition of the custom resource is not this program's: fields that"
                " it lacks are dropped, fields that it has besides are refused",
                definition=age.value, program=__version__, hint=_INSTALL,
            )  # fmt: skip


def build_custom_resources(
    settings: Settings, environ: Mapping[str, str], clock: Clock, leadership: Leadership
) -> CustomResources | None:
    """Wire the objects that are configured; ``None`` where apps only come from the file.

    Raises:
        ConfigurationError: the cluster cannot be used as configured.
    """
    given = settings.custom_resources
    if not given.enabled:
        return None
    from autoscaler.kubernetes import KubernetesResources, connect  # noqa: PLC0415 - optional

    cluster = connect("custom_resources.enabled")
    named: tuple[str | None, ...] = given.namespaces
    if ALL_NAMESPACES in named:
        named = (None,)
    namespaces = named or (environ.get("POD_NAMESPACE") or cluster.namespace,)
    resources = KubernetesResources(cluster, CUSTOM_RESOURCE, COMPONENT)
    return CustomResources(resources, namespaces, clock, leadership)


def _trouble_of(namespace: str | None) -> Callable[[str], None]:
    where = namespace or "all namespaces"

    def say(trouble: str) -> None:
        log = structlog.get_logger()
        if trouble:
            log.error(
                "custom resources cannot be read; what is known of them stays in force",
                namespace=where, error=trouble,
                hint=f"if the cluster does not know them: {_INSTALL}; else see RBAC and network",
            )  # fmt: skip
        else:
            log.info("custom resources can be read again", namespace=where)

    return say


def _say_refused(why: str) -> None:
    structlog.get_logger().error(
        "the cluster refuses what is told about a custom resource", error=why,
        hint="see the role's rules, and whether the definition is this version's",
    )  # fmt: skip
