"""The demo: its drawings, its script, and the whole of it as somebody starts and ends it."""
