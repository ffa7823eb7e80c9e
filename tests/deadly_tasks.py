"""A fleet task that kills the process that runs it: in a module of its own, which worker processes import quickly."""

import os

from station.fleet import one_log
from station.fleet.one_log import Row, Task

DEADLY = Task(path="/no/such/log", mark="", command="summary", directory="die")


def run(task: Task) -> Row:
    """As `one_log.run`, but for the deadly one."""
    if task.directory == "die":
        os._exit(9)
    return one_log.run(task)
