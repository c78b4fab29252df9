"""Pages in a real Chromium."""

from tests.helpers.waiting import free_port

__all__ = ["free_port"]  # scripts that show a fault take it from here
