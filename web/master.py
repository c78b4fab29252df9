"""gunicorn's master, without the signals that start a second worker beside the first: it could not have the exams' folders, and all would end."""

from __future__ import annotations

from typing import Any

from gunicorn.arbiter import Arbiter

from cluster.drain_note import DrainedEnd


class Master(Arbiter):  # type: ignore[misc]
    """Ends and looks after its one worker, and does nothing else that it is told by a signal."""

    def __init__(self, app: Any, drained: DrainedEnd | None = None) -> None:
        """`drained`: the server drains before it ends."""
        super().__init__(app)
        self._drained = drained

    def handle_term(self) -> None:
        """To end; where it is to drain first, a second one ends it at once."""
        if self._drained is None or self._drained.begun:
            super().handle_term()
        else:
            self._drained.begin()

    def murder_workers(self) -> None:
        """Done each second."""
        if self._drained is not None and self._drained.is_over():
            raise StopIteration
        super().murder_workers()

    def _nothing(self, name: str) -> None:
        """Say so, once for each signal."""
        told: set[str] = self.__dict__.setdefault("_told", set())
        if name not in told:
            told.add(name)
            self.log.warning("%s does nothing: one worker holds the exams. To use other settings, end the server and start it again.", name)

    def handle_hup(self) -> None:
        """A terminal that is gone, or who wants the settings read anew."""
        self._nothing("SIGHUP")

    def handle_ttin(self) -> None:
        """One worker more."""
        self._nothing("SIGTTIN")

    def handle_ttou(self) -> None:
        """One worker fewer."""
        self._nothing("SIGTTOU")

    def handle_usr2(self) -> None:
        """A second master."""
        self._nothing("SIGUSR2")
