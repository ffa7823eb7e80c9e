"""The words of `station.telling` in German, event by event: for the page, which shows a story in the reader's language.

The journal and `replay` are in English. `station.telling.wording` stays the one list of what is said at all, and how loud; a test
shows that no event lacks German, and that both languages name the same values.
"""
