"""What pictures a student's page is asked for."""

from __future__ import annotations

from pydantic import BaseModel, Field

from settings.settings import Settings

VIDEO_WIDTH, VIDEO_HEIGHT = 640, 480  # pixels; the gaze detector gains nothing from more
PAGE_MAX_PIXELS = 1280 * 1024  # a page's picture; a station's camera may give more (MAX_PICTURE_PIXELS)
STILL_MAX_PIXELS = 4_000_000  # a still of the screen, which only proctors' browsers decode
JPEG_QUALITY = 0.6  # 25 KB a picture, 2 Mbit/s at 10 pictures a second
H264_BITRATE = 350_000  # as sharp as that, at a sixth of its bytes


class Video(BaseModel):
    """The pictures that the student's page is asked for."""

    fps: float
    width: int
    height: int
    quality: float = Field(description="Of a JPEG, 0 to 1.")
    codecs: list[str] = Field(description="What the server takes, best first: `h264` (Annex B, no B frames) and `jpeg`.")
    bitrate: int = Field(description="Bits a second of H.264.")
    still_s: float = Field(description="Seconds without one changed pixel after which the page tells its camera to be frozen.")


def student_video(settings: Settings) -> Video:
    """The pictures that a student's page is asked for."""
    codecs = ["h264", "jpeg"] if settings.video_codec == "h264" else ["jpeg"]
    return Video(
        fps=settings.video_fps,
        width=VIDEO_WIDTH,
        height=VIDEO_HEIGHT,
        quality=JPEG_QUALITY,
        codecs=codecs,
        bitrate=H264_BITRATE,
        still_s=settings.page_still_s,
    )
