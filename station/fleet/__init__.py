"""Many logs at once: one row for each, whatever state it is in, on all cores of this machine or on a Dask cluster."""
