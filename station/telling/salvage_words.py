"""What a salvage records, in plain words."""

from eventstore.catalogue import lifecycle, link, transactions
from station.telling.amounts import plural


def salvaged(event: lifecycle.LogSalvaged) -> str:
    """LogSalvaged: what is missing, and where the original lies."""
    lost = f"events {event.kept_seq + 1} to {event.old_head_seq} are missing" if event.old_head_seq else "none was kept"
    return f"The log was damaged ({'; '.join(event.findings)}): {lost}; the original lies in {event.quarantine}"


_FATES = {"told": "was told", "owed": "is told now", "unsure": "MAY HAVE BEEN TOLD: not again", "lost": "is LOST"}


def recovered(event: transactions.TransactionRecovered) -> str:
    """TransactionRecovered: what became of its start and its stop."""
    start, stop = (_FATES.get(fate, fate) for fate in (event.start, event.stop))
    return f"Transaction {event.number} on connector {event.connector_id} after the salvage: its start {start}, its stop {stop}"


def delivery(event: link.DeliveryRecovered) -> str:
    """DeliveryRecovered: what of the kept events was told."""
    unsure = (
        f"; {plural(event.unsure, 'message')} MAY HAVE BEEN TOLD and will not be told again" if event.unsure else ""
    )
    return f"What the events up to {event.told_seq} owed to the CSMS was told{unsure}"
