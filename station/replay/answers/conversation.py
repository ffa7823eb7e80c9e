"""The OCPP-J exchange of a log: which exchanges are asked for, and their rungs on a ladder (`station.views.exchanges`)."""

from collections.abc import Iterator

from eventstore.value import Value
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, Zone
from station.telling.amounts import duration
from station.views.exchanges import KINDS, Exchange, Talk, brief


class ExchangeFilter(Value, frozen=True, kw_only=True):
    """Which exchanges: a filter that is not set lets everything through. `action` as in Exchange.

    `outcomes` are those of an Exchange, "late" and "given_up"; one that an exchange has is enough.
    """

    after_seq: int = 0
    to_seq: int | None = None
    action: str | None = None
    transaction: int | None = None
    outcomes: frozenset[str] = frozenset()
    message_id: str | None = None

    def wants(self, exchange: Exchange) -> bool:
        """Whether this one is asked for."""
        if self.action is not None and exchange.action.casefold() != self.action.casefold():
            return False
        if self.transaction is not None and exchange.transaction != self.transaction:
            return False
        if self.message_id is not None and exchange.message_id != self.message_id:
            return False
        found = {exchange.outcome} | {name for name in ("late", "given_up") if getattr(exchange, name)}
        return not self.outcomes or not found.isdisjoint(self.outcomes)


def exchanges(reader: LogReader, calendar: Calendar, asked: ExchangeFilter | None = None) -> Iterator[Exchange]:
    """The exchanges that are asked for, in the order in which they ended."""
    wanted = asked or ExchangeFilter()
    talk = Talk(calendar)
    for recorded in reader.recorded(wanted.after_seq, wanted.to_seq, KINDS):
        for exchange in talk.take(recorded):
            if wanted.wants(exchange):
                yield exchange
    for exchange in talk.rest():
        if wanted.wants(exchange):
            yield exchange


def ladder(exchange: Exchange, zone: Zone, *, raw: bool = False) -> list[str]:
    """An exchange as the rungs of a ladder: "──▶" is from the station to the CSMS."""
    when = zone.text(exchange.utc_ms, certain=exchange.certain)
    if not exchange.message_id and not exchange.request:
        return [f"{when:<24}  ════ connection {exchange.connection} {exchange.outcome} {exchange.error}".rstrip()]
    there, back = ("──▶", "◀──") if exchange.ours else ("◀──", "──▶")
    lines = []
    if exchange.request:
        again = f"  (attempt {exchange.attempt})" if exchange.attempt > 1 else ""
        of = f"  [transaction {exchange.transaction}]" if exchange.transaction is not None else ""
        said = exchange.request if raw else f"{exchange.action} {brief(exchange.request)}".strip()
        lines.append(f"{when:<24}  {there} {said}{of}{again}")
    if exchange.answer_utc_ms is None and not exchange.answer and exchange.outcome != "ignored":
        return lines
    then = zone.text(exchange.utc_ms if exchange.answer_utc_ms is None else exchange.answer_utc_ms)
    took = "" if exchange.latency_ms is None else f"  ({duration(exchange.latency_ms)})"
    lines.append(f"{then:<24}  {back} {_ending(exchange, raw=raw)}{took}")
    return lines


def _ending(exchange: Exchange, *, raw: bool) -> str:
    if exchange.outcome in ("timeout", "lost"):
        return "NO ANSWER in time" if exchange.outcome == "timeout" else "NO ANSWER: the connection ended"
    if exchange.outcome == "ignored":
        return f"not answered: {exchange.error}" if exchange.request else f"{exchange.error}: {exchange.answer}"
    odd = f"  deviates: {'; '.join(exchange.deviations)}" if exchange.deviations else ""
    late = "late, " if exchange.late else ""
    if raw:
        return f"{late}{exchange.answer}{odd}"
    if exchange.outcome == "error":
        return f"{late}CALLERROR {exchange.error} {brief(exchange.answer)}".rstrip() + odd
    return f"{late}{brief(exchange.answer) or 'ok'}{odd}"
