"""The composition root: from settings to wired objects. Nothing else builds concrete parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from random import Random  # noqa: TID251 - an instance to inject is made here
from typing import TYPE_CHECKING

import structlog

from autoscaler import __version__
from autoscaler.app.custom_resources import CustomResources, build_custom_resources
from autoscaler.app.leadership import Election
from autoscaler.app.memory import lone_state, open_database
from autoscaler.app.notices import to_targets
from autoscaler.app.past import build_history, show_history
from autoscaler.app.prices import Prices
from autoscaler.app.sharding import build_election, show
from autoscaler.app.tokens import RedactedTokens
from autoscaler.control.fleet import Ceilings, Fleet
from autoscaler.control.guard import Breaker, Budget, GuardedPlatform
from autoscaler.control.interventions import Desk
from autoscaler.control.pacing import Pacer
from autoscaler.control.reconciler import Reconciler
from autoscaler.control.supervisor import Supervisor
from autoscaler.everai import EverAIClient, Pool, TimeLimits, TokenSource
from autoscaler.history import HistoryStore
from autoscaler.model import AppKey
from autoscaler.notifications import Notifier
from autoscaler.ports import AlwaysLeader, Clock, Platform, Recorder, State
from autoscaler.settings import Settings
from autoscaler.signals import SignalFetcher
from autoscaler.telemetry import DecisionLog, Metrics, Recorders, redact
from autoscaler.web import (
    Access,
    Changes,
    ConfigurationView,
    Doorkeeper,
    Health,
    Snapshot,
    Sources,
    TokenFile,
    WebServer,
    build_app,
)

if TYPE_CHECKING:
    from autoscaler.state.postgres import StateDatabase


@dataclass(frozen=True, slots=True)
class Parts:
    """The wired daemon. Whoever asked for it closes it with the daemon's ``close``.

    Attributes:
        election: with other replicas beside this one; the supervisor then stands by at first.
        resources: where objects of a cluster give apps too.
    """

    client: EverAIClient
    signals: SignalFetcher
    app_tokens: dict[AppKey, TokenSource]
    platform: Platform
    state: State
    fleet: Fleet
    supervisor: Supervisor
    health: Health
    shown: ConfigurationView
    prices: Prices
    history: HistoryStore | None
    web: WebServer
    election: Election | None
    database: StateDatabase | None
    metrics: Metrics
    notifier: Notifier
    resources: CustomResources | None


def build(settings: Settings, environ: Mapping[str, str], clock: Clock) -> Parts:
    """Wire a daemon.

    Raises:
        ConfigurationError: endpoint, certificates or proxy cannot be used.
        StateLockedError: another daemon uses the state store.
    """
    health = Health(clock)
    snapshot, changes = Snapshot(), Changes()
    configuration = ConfigurationView()
    prices = Prices()
    metrics = Metrics(version=__version__, dry_run=settings.dry_run, price_of=prices.per_hour)
    history = build_history(settings, clock, prices)
    notifier = Notifier(to_targets(settings), clock, Random())  # noqa: S311 - jitters retries
    metrics.registry.register(notifier.tally)
    listeners: list[Recorder] = [metrics, snapshot, changes, health, notifier]
    listeners.append(DecisionLog(structlog.get_logger()))
    if history is not None:
        listeners.append(history.recorder)
        show_history(metrics, history)
    database = open_database(settings, clock)
    election = build_election(settings, environ, clock, database)
    leadership = AlwaysLeader() if election is None else election.leadership
    resources = build_custom_resources(settings, environ, clock, leadership)
    if resources is not None:
        listeners += resources.recorders
        metrics.registry.register(resources.tally)
    recorder = Recorders(tuple(listeners))
    tokens = app_tokens(settings)
    client = _client(settings, environ, clock, recorder, tokens, election)
    state = lone_state(settings, database, clock) if election is None else election.state
    fleet, signals, breaker = Fleet(ceilings(settings)), SignalFetcher(), Breaker(clock)
    platform = _guarded(client, settings, clock, breaker, metrics)
    show(metrics, election)
    reconciler = Reconciler(
        platform=platform,
        state=state,
        clock=clock,
        recorder=recorder,
        fleet=fleet,
        dry_run=settings.dry_run,
        signals=signals,
        leadership=leadership,
    )
    supervisor = _supervisor(reconciler, settings, election)
    dry_run = settings.dry_run  # what the sources keep must not keep ten thousand apps with it
    sources = Sources(
        snapshot=snapshot,
        health=health,
        clock=clock,
        version=__version__,
        started_at=clock.now(),
        configuration=configuration,
        changes=changes,
        doorkeeper=doorkeeper(settings, clock),
        history=history,
        interventions=Desk(supervisor, reconciler, leadership),
        leadership=leadership,
        price_of=prices.of,
        details=lambda: {
            "platform_circuit_open": breaker.is_open,
            "state_trust": state.trust.value,
            "dry_run": dry_run,
        },
    )
    web = _web(settings, metrics, sources, changes)
    return Parts(
        client, signals, tokens, platform, state, fleet, supervisor, health, configuration, prices,
        history, web, election, database, metrics, notifier, resources,
    )  # fmt: skip


def _web(settings: Settings, metrics: Metrics, sources: Sources, changes: Changes) -> WebServer:
    site = build_app(metrics=metrics, sources=sources)
    return WebServer(site, settings.server.host, settings.server.port, closing=changes.close)


def _guarded(
    client: EverAIClient, settings: Settings, clock: Clock, breaker: Breaker, metrics: Metrics
) -> GuardedPlatform:
    budget = Budget(clock, settings.everai.requests_per_second)
    _show_guard(metrics, budget, breaker)
    return GuardedPlatform(client, budget, breaker)


def _supervisor(
    reconciler: Reconciler, settings: Settings, election: Election | None
) -> Supervisor:
    log = structlog.get_logger()
    return Supervisor(
        reconciler,
        pacer=Pacer(Random()),  # noqa: S311 - spreads polls, guards nothing
        on_fault=lambda app, error: log.error(
            "a pass failed", namespace=app.namespace, app=app.name, exc_info=error
        ),
        concurrency=settings.everai.concurrency,
        standby=election is not None,
        part_of=(lambda _: 0) if election is None else election.part_of,
    )


def doorkeeper(settings: Settings, clock: Clock) -> Doorkeeper:
    """Return who decides whom the HTTP server lets in; logs never show the tokens it learns."""
    server = settings.server

    def tokens(path: Path | None) -> TokenFile | None:
        return None if path is None else TokenFile(path, clock, redact)

    access = Access(
        read=tokens(server.read_token_file),
        action=tokens(server.action_token_file),
        metrics_need_token=server.metrics_need_token,
        names=server.names,
    )
    return Doorkeeper(access, clock)


def _show_guard(metrics: Metrics, budget: Budget, breaker: Breaker) -> None:
    metrics.live(
        "autoscaler_platform_circuit_open",
        "1 while the platform is down as a whole and calls fail at once.",
        lambda: float(breaker.is_open),
    )
    metrics.live(
        "autoscaler_platform_request_rate_limit",
        "Requests per second that the budget allows now; +Inf for no limit.",
        lambda: inf if budget.rate is None else budget.rate,
    )


def ceilings(settings: Settings) -> Ceilings:
    """Return the ceilings over all apps."""
    return Ceilings(settings.fleet.max_workers, settings.fleet.max_price_per_hour)


def app_tokens(settings: Settings) -> dict[AppKey, TokenSource]:
    """Return the token sources of apps that have their own."""
    return {
        AppKey(app.namespace, app.name): RedactedTokens(TokenSource.from_file(app.token_file))
        for app in settings.apps
        if app.token_file is not None
    }


def _client(
    settings: Settings,
    environ: Mapping[str, str],
    clock: Clock,
    recorder: Recorders,
    tokens: Mapping[AppKey, TokenSource],
    election: Election | None,
) -> EverAIClient:
    everai = settings.everai
    return EverAIClient(
        everai.endpoint,
        RedactedTokens(TokenSource.discover(everai.token_file, environ)),
        clock=clock,
        rng=Random(),  # noqa: S311 - jitters retries, guards nothing
        on_call=recorder.platform_called,
        app_tokens=tokens,
        limits=TimeLimits(everai.connect_timeout, everai.read_timeout, everai.total_timeout),
        pool=Pool(everai.max_connections),
        ca_bundle=everai.ca_bundle,
        signature=election.signature if election else lambda _: "",
        may_send=election.may_send if election else lambda _: True,
    )
