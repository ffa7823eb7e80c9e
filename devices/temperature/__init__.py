"""Temperatures: sensors, and what is believed of them."""
