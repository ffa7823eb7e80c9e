"""The cases, a module for a few functionalities each."""
