"""Why a bench control was refused. Nothing has changed then."""


class BenchRefusal(Exception):  # noqa: N818  # it is the operator's error, not the program's
    """A bench control that was refused; its text says what and why."""


class UnknownConnector(BenchRefusal):
    """There is no such connector."""

    def __init__(self, connector_id: int) -> None:
        super().__init__(f"connector {connector_id} does not exist")
        self.connector_id = connector_id


class StillLocked(BenchRefusal):
    """A locked socket end would have to come out."""

    def __init__(self, connector_id: int) -> None:
        super().__init__(f"connector {connector_id} is locked: the cable does not come out of the socket")
        self.connector_id = connector_id


class InvalidControl(BenchRefusal):
    """A value that the control cannot have."""
