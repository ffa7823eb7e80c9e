"""Answers for people: pages and plots."""
