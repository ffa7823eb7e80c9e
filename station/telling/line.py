"""One line of the journal: what a member of a JSON record is called stands here too."""

from eventstore.value import Value

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
"""How loud a line is; the numbers are those of Python's logging."""


class Line(Value, frozen=True, kw_only=True):
    """What is logged of one event: `seq` and `type` are its own, the others those that it has; `times` counts a repetition."""

    level: int
    text: str
    seq: int
    type: str
    connector_id: int | None = None
    transaction_number: int | None = None
    times: int = 1

    def members(self) -> dict[str, int | str]:
        """What a record says beside its text."""
        said: dict[str, int | str] = {"seq": self.seq, "type": self.type}
        if self.connector_id is not None:
            said["connector_id"] = self.connector_id
        if self.transaction_number is not None:
            said["transaction_number"] = self.transaction_number
        if self.times > 1:
            said["times"] = self.times
        return said
