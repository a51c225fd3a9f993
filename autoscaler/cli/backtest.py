"""``autoscaler backtest``: what would have happened with another policy."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.table import Table

from autoscaler.cli import lab_options as options
from autoscaler.cli.lab_options import EXIT_BAD, EXIT_INTERRUPTED
from autoscaler.cli.progress import console, run_shown
from autoscaler.decision import AppSpec
from autoscaler.model.errors import AutoscalerError, ConfigurationError
from autoscaler.settings import load
from autoscaler.simulator.lab.platform import Setup
from autoscaler.simulator.lab.replay import Replay, replay
from autoscaler.simulator.lab.replay_report import html, picture


@dataclass(frozen=True, slots=True)
class Contest:
    """One policy's turn, as plain values that can be sent to a process."""

    name: str
    spec: AppSpec
    trace: str
    setup: Setup
    cold_start_s: float
    late_share: float
    price_per_hour: float


def backtest(
    app: Annotated[
        str, typer.Argument(help="The app of --config: NAME or NAMESPACE/NAME.", show_default=False)
    ] = "",
    trace: options.TraceOption = "",
    config: options.ConfigOption = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="One more: TYPE, or TYPE:name=value,name=value. Repeatable."),
    ] = None,
    cold_start: options.ColdStartOption = "60",
    interval: options.IntervalOption = 15.0,
    list_lag: options.ListLagOption = 0.0,
    dispatch: options.DispatchOption = "last-used",
    max_workers: options.MaxWorkersOption = None,
    target_wait: Annotated[float, typer.Option(min=0, help="Longest good wait, seconds.")] = 10.0,
    attainment: Annotated[
        float, typer.Option(min=0, max=1, help="Share that must not wait longer.")
    ] = 0.95,
    warmup: options.WarmupOption = 600.0,
    price_per_hour: Annotated[
        float | None,
        typer.Option(min=0, help="Of one worker, to count money; else the app's in --config."),
    ] = None,
    seed: options.SeedOption = 0,
    out: Annotated[Path, typer.Option(help="The report, one HTML file.")] = Path("backtest.html"),
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one per core.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Replay a load through several policies, side by side: cost, waits, actions.

    The load is --trace, or without it what the daemon recorded of the app (as --config says where).
    With --config the app's own policies come first, as configured. Without --policy they are
    compared with slo. Beside the report, a picture is drawn where matplotlib is installed.

    Exit status: 0 done; 2 trace, policy or configuration cannot be used; 130 interrupted (the
    report has the policies that were done).
    """
    try:
        mean_s, draw = options.cold_start_of(cold_start)
        setup = Setup(
            cold_start_s=draw,
            interval_s=interval,
            list_lag_s=list_lag,
            dispatch=options.dispatch_of(dispatch),
            max_workers=max_workers,
            warmup_s=warmup,
            target_wait_s=target_wait,
            seed=seed,
        )
        trace = trace or _own_record(app, config)
        specs = list(_specs(app, config, policy or [], interval))
        price = _price(price_per_hour, config, app)
        contests = [
            Contest(name, spec, trace, setup, mean_s, 1 - attainment, price) for name, spec in specs
        ]
        found = run_shown("replaying", replayed, contests, jobs or os.cpu_count() or 1)
    except (AutoscalerError, ValidationError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_BAD) from None
    if found.results:
        how = f"cold start {mean_s:g} s, a look every {interval:g} s, {dispatch} dispatch"
        _tell(found.results, out, how, 1 - attainment, as_json=as_json)
    if found.interrupted:
        done = f"{len(found.results)} of {len(contests)} policies are done"
        typer.echo(f"interrupted: {done}", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)


def replayed(contest: Contest) -> Replay:
    """Give one policy its turn; runs in a process of its own.

    Raises:
        KeyboardInterrupt: it was interrupted; half a turn cannot be compared.
    """
    done = replay(
        contest.name,
        options.trace_of(contest.trace, contest.setup.seed),
        contest.spec,
        contest.setup,
        cold_start_s=contest.cold_start_s,
        late_share=contest.late_share,
        stopwatch=perf_counter,
        price_per_hour=contest.price_per_hour,
    )
    if done.judgement.run.interrupted:
        raise KeyboardInterrupt
    return done


def _specs(
    app: str, config: Path | None, texts: list[str], interval_s: float
) -> Iterator[tuple[str, AppSpec]]:
    if config is not None:
        own = options.from_config(config, app)
        names = ", ".join(policy.name for policy in own.policies)
        yield f"{own.key.name} as configured ({names})", replace(own, interval_s=interval_s)
    elif app:
        raise ConfigurationError(f"{app}: give --config with the file that has this app")
    for text in texts or ["slo"]:
        kind, _, values = text.partition(":")
        pairs = [pair for pair in values.split(",") if pair]
        spec, _, _ = options.spec_of(kind, pairs, None, "", interval_s, None)
        yield text, spec


def _price(given: float | None, config: Path | None, app: str) -> float:
    if given is not None:
        return given
    return 0.0 if config is None else options.from_config(config, app).price_per_hour


def _own_record(app: str, config: Path | None) -> str:
    """Return the trace that is the recorded past of an app, where its configuration says."""
    if config is None:
        raise ConfigurationError(
            "--trace is missing: say which load to replay, or give the app and --config, and its"
            " recorded past is"
        )
    settings = load(config, os.environ)
    key = options.from_config(config, app).key
    file = settings.history_file
    if file is None or settings.history.url_file is not None:
        raise ConfigurationError(f"{config}: its history is no file here; give --trace")
    return f"history:app={key},file={file},endpoint={settings.everai.endpoint}"


def _tell(
    replays: tuple[Replay, ...], out: Path, how: str, allowed: float, *, as_json: bool
) -> None:
    out.write_text(html(replays, how=how, allowed=allowed), encoding="utf-8")
    drawn = picture(replays, out.with_suffix(""))
    if as_json:
        for each in replays:
            typer.echo(json.dumps(each.figures))
        return
    columns = [
        "policy", "cost / work", "cost / CLV", "late", "p95 s", "p99 s", "ups", "downs"
    ]  # fmt: skip
    if replays[0].money is not None:
        columns.append("money")
    table = Table(*columns, title=f"{replays[0].judgement.trace}: {how}")
    for each in replays:
        run, over = each.judgement.run, each.judgement.cost_over_clairvoyant
        table.add_row(
            each.name,
            f"{run.cost_over_work:.3f}",
            "-" if over is None else f"{over:.3f}",
            f"{run.share_over_target:.2%}",
            f"{run.wait_p95_s:.1f}",
            f"{run.wait_p99_s:.1f}",
            str(run.scale_ups),
            str(run.scale_downs),
            *([] if each.money is None else [f"{each.money:,.2f}"]),
        )
    console().print(table)
    for file in (out, *drawn):
        typer.echo(f"wrote {file}")
