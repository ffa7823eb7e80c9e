"""The event log: facts, their codec, and the one SQLite file that keeps them (README.md).

Nothing is imported here: `eventstore.event` is pure and must stay cheap to import without the database.
"""
