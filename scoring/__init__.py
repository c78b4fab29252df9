"""The rules: what counts, in which interval, and how it is written down."""
