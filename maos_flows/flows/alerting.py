"""Alerts: tell the contacts of a decision what they should know, once each, and keep that they were told."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block

from maos_flows.audit.store import AuditStore
from maos_flows.flows.events import tell_alert, tell_slow
from maos_flows.flows.overseeing import note_when_slow
from maos_flows.flows.stores import kept
from maos_flows.model import Event, EventKind, Opening, Oversight
from maos_flows.voters.base import utc_now

_PATIENCE_SECONDS = 15.0
_ALERTED = {EventKind.SLOW: "slow", EventKind.FAILURE_RATE: "failure_rate"}
_EMERGENCY = {EventKind.OPENED: "emergency_opened", EventKind.DECIDED: "emergency_decided"}


def pending(timeline: Sequence[Event], oversight: Oversight) -> tuple[tuple[str, str], ...]:
    """List what the contacts are still to be told of a decision: what about, and in words."""
    told = {str(event.data.get("about")) for event in timeline if event.kind is EventKind.ALERT}
    about = (_ALERTED if oversight.alerts else {}) | (_EMERGENCY if oversight.emergency else {})
    found = {about[event.kind]: _in_words(event) for event in timeline if event.kind in about}
    return tuple((name, text) for name, text in found.items() if name not in told)


@asynccontextmanager
async def watched(store: AuditStore, opening: Opening, oversight: Oversight) -> AsyncIterator[None]:
    """Watch a decision while it is open: tell the contacts that it opened, and when it is slow."""
    if not oversight.is_watched:
        yield
        return
    over = asyncio.Event()
    watching = asyncio.create_task(_watch(store, opening, oversight, over))
    try:
        yield
        over.set()
        await watching  # whoever is being told is told to the end, or it would be told twice
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _watch(store: AuditStore, opening: Opening, oversight: Oversight, over: asyncio.Event) -> None:
    await tell(store, opening, oversight)
    if await note_when_slow(store, opening, oversight, over):
        tell_slow(opening)
        await tell(store, opening, oversight)


async def tell(store: AuditStore, opening: Opening, oversight: Oversight) -> None:
    """Tell the contacts what they have not been told yet; a contact that cannot be reached keeps nobody waiting long.

    Every alert is also an event `maos.decision.alert` on Prefect's server, so that automations can act on it.
    """
    if not oversight.is_watched and oversight.failure_rate is None:
        return
    decision_id = opening.proposal.decision_id
    timeline = await kept(store, partial(store.timeline, decision_id))
    for about, text in pending(timeline, oversight):
        said = f"decision {decision_id}: {about.replace('_', ' ')}\n\n{text}"
        outcomes = await asyncio.gather(*(reach(contact, said) for contact in oversight.contacts))
        failed = {name: why for name, why in zip(oversight.contacts, outcomes, strict=True) if why}
        reached = [name for name in oversight.contacts if name not in failed]
        data = {"about": about, "contacts": reached, "failed": failed}
        words = f"alert, {about.replace('_', ' ')}: {', '.join(reached) or 'no contact'} told"
        if failed:
            words += f"; not reached: {', '.join(failed)}"
        await kept(store, partial(store.note, decision_id, Event(utc_now(), EventKind.ALERT, words, data=data)))
        tell_alert(opening, about=about, told=reached, failed=sorted(failed))


async def reach(contact: str, text: str) -> str:
    """Notify one contact; gives what went wrong, or nothing."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            block: object = await Block.aload(contact)
            if not isinstance(block, NotificationBlock):
                return f"{type(block).__name__} is not a notification block"
            with block.raise_on_failure():
                notifying: object = block.notify(text, subject="maos: a decision")
                if inspect.isawaitable(notifying):
                    await notifying
    except TimeoutError:
        return f"no answer within {_PATIENCE_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - whatever a block raises must not end the decision; it is on record
        return f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
    return ""


def _in_words(event: Event) -> str:
    """Say what happened without a word of a question's, a choice's or an agent's: channels read markup and mentions."""
    match event.kind:
        case EventKind.OPENED:
            return "an emergency decision was opened"
        case EventKind.DECIDED:
            return f"an emergency decision ended: {event.data.get('outcome')}, {event.data.get('reason')}"
        case _:
            return event.text
