"""`chargebox doctor`: what is in order, doubtful or wrong at a station, a line each. It never changes anything."""
