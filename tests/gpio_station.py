"""A station of mock pins as a process: `python -m tests.gpio_station SOCKET run --settings FILE`.

The daemon itself, from `main` on, on pins that the electrical model stands behind. Hands reach the copper through the Unix socket
SOCKET: a JSON object with `do` and what it needs on a connection of its own, answered by a line.
"""

import json
import os
import socket
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

from devices.gpio.wiring import parse_wiring
from tests.contract.electrical import Model
from tests.contract.rigs import wiegand_bits

PULLS_MAX = 3_000


class Copper:
    """The model, and what hands do to it. Cables stay where they are while a process is replaced: `file` says where."""

    def __init__(self, model: Model, file: Path) -> None:
        self._model = model
        self._file = file
        if file.exists():
            for number, ends in enumerate(json.loads(file.read_text()), start=1):
                plug = model.sockets[number]
                plug.ev_plugged, plug.station_plugged = ends

    def do(self, order: dict[str, Any]) -> None:
        """Raises AssertionError for what cannot be done."""
        self._change(order)
        self._file.write_text(
            json.dumps([[plug.ev_plugged, plug.station_plugged] for _, plug in sorted(self._model.sockets.items())])
        )
        self._model.settle()

    def _change(self, order: dict[str, Any]) -> None:
        number = order.get("connector", 1)
        plug = self._model.sockets[number]
        match order["do"]:
            case "plug":
                plug.ev_plugged = plug.station_plugged = True
            case "unplug":
                for _ in range(PULLS_MAX):  # whoever pulls waits for the lock
                    if not plug.locked:
                        break
                    time.sleep(0.01)
                assert not plug.locked, "a locked plug does not come out"
                plug.ev_plugged = plug.station_plugged = False
            case "unplug vehicle":
                plug.ev_plugged = False
            case "trip":
                plug.tripped[order["error_code"]] = order["tripped"]
            case "swipe":
                for bit in wiegand_bits(bytes.fromhex(order["tag"])):
                    for high in (False, True):
                        self._model.factory.put(("GPIO20", "GPIO21")[bit], high)


def serve(listening: socket.socket, copper: Copper) -> None:
    """One order for each connection, for ever."""
    while True:
        accepted, _ = listening.accept()
        with accepted, accepted.makefile("rw") as stream:
            try:
                copper.do(json.loads(stream.readline()))
                stream.write("done\n")
            except Exception as error:  # noqa: BLE001  # whoever ordered it is told
                stream.write(f"{error!r}\n")


def main() -> None:
    """Runs the daemon; ends with its status."""
    path, *arguments = sys.argv[1:]
    tables = tomllib.loads(Path(arguments[-1]).read_text())
    wiring = parse_wiring(
        tables["board"]["wiring"], connectors=tables["station"].get("connectors", 1), fixed_cable=False
    )
    model = Model(wiring)
    Path(path).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    copper = Copper(model, Path(f"{path}.json"))
    with model.installed():
        threading.Thread(target=serve, args=(listening, copper), daemon=True).start()
        from station.cli.main import main as chargebox

        sys.argv = ["chargebox", *arguments]
        # One that starts itself anew does so with its copper.
        sys.orig_argv[:] = [sys.executable, "-m", "tests.gpio_station", path, *arguments]
        os._exit(chargebox(arguments))


if __name__ == "__main__":
    main()
