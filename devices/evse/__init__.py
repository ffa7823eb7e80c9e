"""EV charging controllers that one can buy, with a pilot and a safety of their own, as a board: maps in TOML, and OpenEVSE over RAPI."""
