"""A board of real pins: gpiozero's devices behind our Protocols, described by `[board.wiring]`."""
