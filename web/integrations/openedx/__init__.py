"""Open edX's `rest` proctoring backend: this server in the place of the service that edx-proctoring asks and is told by."""
