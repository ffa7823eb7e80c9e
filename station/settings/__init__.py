"""The settings file: its tables, the kinds of values in it, and where in it a mistake stands."""
