"""A decision in words and in steps: what the API, the command line and people read.

Works on a decision's fields (:func:`autoscaler.telemetry.serialize.decision_fields`), so that a
command can explain what it got over HTTP.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Decision = dict[str, Any]
_NAMED = 5
"""So many of those who go are named in the paragraph."""
_SERVE_OR_WILL = ("free", "busy", "in_flight", "rollin", "on_order")


class Step(NamedTuple):
    """One step from the proposals to the final number, as a row of a table."""

    step: str
    workers: str
    why: str


def paragraph(decision: Decision) -> str:
    """Return a decision in a few sentences."""
    who = f"{decision['namespace']}/{decision['app']}"
    sentences = [f"{decision['at']} {who}: {_done(decision)} ({decision['reason']})."]
    census = decision["census"]
    if census is None:
        return " ".join([*sentences, f"Nothing was observed: {decision['message']}."])
    changed = [limit for limit in decision["limits"] if limit["before"] != limit["after"]]
    words = _own_words(decision)
    if words and decision["reason"] not in {limit["reason"] for limit in changed}:
        sentences.append(f"{words[:1].upper()}{words[1:]}.")
    sentences.append(_seen(decision, census))
    sentences += [_said(proposal) for proposal in decision["proposals"]]
    sentences += [
        f"{limit['reason']} changed {limit['before']} to {limit['after']}: {limit['why']}."
        for limit in changed
    ]
    sentences += [_would(proposal, decision["combined"]) for proposal in decision["shadow"]]
    sentences += [f"{c['worker_id']} goes: {c['why']}." for c in decision["candidates"][:_NAMED]]
    if len(decision["candidates"]) > _NAMED:
        sentences.append(f"{len(decision['candidates']) - _NAMED} more go likewise.")
    sentences += [f"Note: {warning}." for warning in decision["warnings"]]
    return " ".join(sentences)


def _done(decision: Decision) -> str:
    there, count = _capacity(decision["census"] or {}), decision["count"]
    match decision["action"]:
        case "scale_up":
            return f"order {count} more, for {there + count} in all"
        case "scale_down":
            return f"remove {count}, leaving {there - count}"
    wanted = decision["desired"]
    return "hold" if wanted is None else f"hold at {wanted}"


def _capacity(census: dict[str, int]) -> int:
    return sum(census.get(state, 0) for state in _SERVE_OR_WILL)


def _own_words(decision: Decision) -> str:
    """Return a hold's message without the policies' words, which are told anyway."""
    if decision["action"] != "hold":
        return ""
    message: str = decision["message"]
    for proposal in decision["proposals"]:
        said = f"{proposal['policy']}: {proposal['why']}"
        message = message.removesuffix(f" ({said})").removeprefix(said)
    return message


def _seen(decision: Decision, census: dict[str, int]) -> str:
    queue = decision["queue_size"]
    there = [
        f"{count} {state.replace('_', ' ')}"
        for state, count in census.items()
        if count and state != "present"
    ]
    waiting = "an unknown number of requests" if queue is None else _requests(queue)
    return f"It saw {', '.join(there) or 'no workers'}, and {waiting} waiting."


def _requests(count: int) -> str:
    return f"{count or 'no'} request{'' if count == 1 else 's'}"


def _said(proposal: dict[str, Any]) -> str:
    policy, why = proposal["policy"], proposal["why"]
    if proposal["workers"] is None:
        return f"{policy} had no data: {why}."
    bounds = _bounds(proposal)
    if proposal.get("abstains"):
        return f"{policy} {'wants ' + ' and '.join(bounds) if bounds else 'abstains'}: {why}."
    role = f" as a {proposal['role']}" if "role" in proposal else ""
    return f"{policy} wants {', '.join([str(proposal['workers']), *bounds])}{role}: {why}."


def _would(proposal: dict[str, Any], acting: int | None) -> str:
    """Return what a policy says that only watches, beside what those that act want."""
    policy, workers, why = proposal["policy"], proposal["workers"], proposal["why"]
    if workers is None:
        return f"In shadow, {policy} had no data: {why}."
    more = 0 if acting is None else workers - acting
    beside = "" if not more else f", {abs(more)} {'more' if more > 0 else 'fewer'}"
    return f"In shadow, {policy} would want {workers}{beside}: {why}."


def _bounds(proposal: dict[str, Any]) -> list[str]:
    words = (("floor", "at least"), ("ceiling", "at most"))
    return [f"{word} {proposal[key]}" for key, word in words if key in proposal]


def _number(proposal: dict[str, Any]) -> str:
    """Return what a policy says, as short as a table's cell has to be."""
    abstains = proposal["workers"] is None or proposal.get("abstains", False)
    return ", ".join([*([] if abstains else [str(proposal["workers"])]), *_bounds(proposal)]) or "-"


def steps(decision: Decision) -> list[Step]:
    """Return the steps from proposals to the final number."""
    rows = [Step(p["policy"], _number(p), p["why"]) for p in decision["proposals"]]
    rows += [Step(f"{p['policy']} (shadow)", _number(p), p["why"]) for p in decision["shadow"]]
    if decision["combined"] is not None:
        rows.append(Step("combined", str(decision["combined"]), ""))
    rows += [
        Step(limit["reason"], f"{limit['before']} → {limit['after']}", limit["why"])
        for limit in decision["limits"]
    ]
    desired = decision["desired"]
    rows.append(Step("desired", "-" if desired is None else str(desired), decision["message"]))
    return rows
