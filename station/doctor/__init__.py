"""`chargebox doctor`: what of a station is well, doubtful or wrong, a line each. It looks and never changes anything."""
