"""Energy meters on Modbus RTU and TCP: a bus, register maps in TOML, and doubt about what a meter says."""
