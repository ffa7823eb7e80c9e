"""What a salvage records, in plain words."""

from eventstore.catalogue import lifecycle, link, transactions
from station.telling.amounts import plural


def salvaged(event: lifecycle.LogSalvaged) -> str:
    """LogSalvaged: what is missing, and where the original lies."""
    lost = f"events {event.kept_seq + 1} to {event.old_head_seq} are missing" if event.old_head_seq else "none was kept"
    return f"The log was damaged ({'; '.join(event.findings)}): {lost}; the original lies in {event.quarantine}"


_FATES = {"told": "was delivered", "owed": "is sent now", "unsure": "MAY HAVE BEEN SENT: not again", "lost": "is LOST"}


def recovered(event: transactions.TransactionRecovered) -> str:
    """TransactionRecovered: what became of its start and its stop."""
    start, stop = (_FATES.get(fate, fate) for fate in (event.start, event.stop))
    return f"Transaction {event.number} on connector {event.connector_id} after the salvage: its start {start}, its stop {stop}"


def delivery(event: link.DeliveryRecovered) -> str:
    """DeliveryRecovered: which of the kept events were delivered."""
    unsure = (
        f"; {plural(event.unsure, 'message')} MAY HAVE BEEN SENT and will not be sent again" if event.unsure else ""
    )
    return f"The messages of the events up to {event.told_seq} were delivered{unsure}"
