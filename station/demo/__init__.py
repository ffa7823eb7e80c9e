"""The demonstration: a small CSMS, a bench station in a process of its own, a story played on both, and their books compared."""
