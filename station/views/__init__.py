"""What the page shows, worked out once: pure functions from the state and the events to plain JSON, which the page only renders.

Sentences are `Say`s: a key of the catalogue of texts (`station/service/page_files/texts.json`) and the values in it, so that the page
says them in its reader's language. Moments are UTC in ms, None where nothing tells them; energy is in Wh, power in W, current in mA.
"""
