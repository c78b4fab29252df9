"""Open edX's REST proctoring backend."""
