"""gunicorn's master, without the signals that start a second worker beside the first: it could not have the exams' folders, and all would end."""

from __future__ import annotations

from gunicorn.arbiter import Arbiter


class Master(Arbiter):  # type: ignore[misc]
    """Ends and looks after its one worker, and does nothing else that it is told by a signal."""

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
