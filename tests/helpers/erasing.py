"""What deletes in an app of the tests, which starts none by itself."""

from __future__ import annotations

from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.retention import Retention
from web.parts import Parts


def retention_of(parts: Parts) -> Retention:
    """A retention that is not started."""
    settings, folder = parts.settings, parts.stills.folder
    clips = ClipSweep(parts.database, settings.clips_dir, settings.temp_dir)
    folder.mkdir(parents=True, exist_ok=True)
    return Retention(parts.database, settings.clips_dir, folder, 30, clips=clips, recorder=Recorder(settings.clips_dir, settings.temp_dir))
