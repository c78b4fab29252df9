"""The limits of gaze: what looking away is, whose face is read, and when a picture is too poor for it.

How each was found is in bench/NOTES.md; the figures are of the labelled footage that `python -m bench.detectors` measures.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from settings.bounds import in_order
from settings.everyday import EVERYDAY


class GazeLimits(BaseModel):
    """The limits of `GazeDetector`. Degrees are against the person's own rest."""

    model_config = ConfigDict(title="Gaze", frozen=True)

    # 102 of 105 focused pictures lie within 9°, the others go up to 10.9°; looks aside begin at 12.5°.
    gaze_side_deg: float = Field(
        default=11.5,
        ge=5,
        le=60,
        description="Degrees of gaze (head and eyes together) beside the person's rest that are looking away; focused people stay within 9 to 11.",
        json_schema_extra=EVERYDAY,
    )
    gaze_down_deg: float = Field(
        default=11.0,
        ge=5,
        le=60,
        description="Degrees of gaze below the person's rest that are looking down; focused people stay under 7.5, reading a phone begins at 15.",
        json_schema_extra=EVERYDAY,
    )
    gaze_turned_deg: float = Field(
        default=25.0,
        ge=10,
        le=90,
        description="Degrees by which the head alone is turned away, whatever the eyes do, for then they are seen badly. 15 to 30 read the same; at "
        "35 one look aside is lost.",
    )
    gaze_rest_side_deg: float = Field(
        default=6.0,
        ge=0,
        le=45,
        description="Degrees to a side that a person's rest may be from the camera (a side screen); less than GAZE_SIDE_DEG, so that looking away "
        "never becomes the rest.",
        json_schema_extra=EVERYDAY,
    )
    gaze_rest_down_deg: float = Field(
        default=5.0, ge=0, le=45, description="The same downwards (a camera above the screen); less than GAZE_DOWN_DEG.", json_schema_extra=EVERYDAY
    )
    gaze_rest_up_deg: float = Field(
        default=4.0,
        ge=0,
        le=45,
        description="The same upwards (a camera below the screen); who looks up to think is not at rest.",
        json_schema_extra=EVERYDAY,
    )
    eyes_shut: float = Field(
        default=0.15,
        ge=0.02,
        le=0.3,
        description="Opening of the lids in eye widths under which a level head's eyes are closed; closed ones reach 0.12, open ones begin at 0.19.",
    )
    face_confidence: float = Field(
        default=0.5, ge=0.1, le=0.95, description="Confidence (0 to 1) from which FaceMesh finds and follows a face; MediaPipe's own default."
    )
    # At 10 % light looks aside were lost.
    face_dark_level: float = Field(
        default=14.0,
        ge=0,
        le=128,
        description="Mean grey (0 to 255) of the face under which gaze is unknown; at 20 % light faces have 16 to 33 and are read well.",
        json_schema_extra=EVERYDAY,
    )
    # Fine detail at 64×64, in the direction that has least of it: 0.020 and more as recorded, 0.015 and more at 320×240, 0.008 and less (most)
    # when a head moves by half an eye while the picture is taken.
    face_sharpness: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of fine detail in the face under which gaze is unknown; recorded pictures have 0.02 and more, a moving head's 0.008.",
    )
    # Narrower eyes carry no iris; 160×120 pictures still gave 92 % right.
    eye_min_px: float = Field(default=5.5, ge=1, le=100, description="Pixels an eye must be wide for gaze to be read; 160×120 pictures still have 7.")
    # From darkest to brightest, in standard deviations of the face. Landmarks drawn on black glasses or a bare hand looked down in nearly half
    # the pictures.
    eye_contrast: float = Field(
        default=0.3,
        ge=0,
        le=5,
        description="Contrast of the better eye, as a share of the face's, under which both are hidden and gaze is unknown (black glasses: up "
        "to 0.1); eyes have 0.94 and more, against the light 0.37. 0: never.",
    )
    # From eye widths to degrees. An eyeball of 12 mm radius in an opening of 30 mm gives 143° an eye width for small angles; FaceMesh draws
    # irises towards the middle, so it takes more: of 60 to 300 the gap between focused pictures and looks to the side is widest at 160.
    # Vertically the lids follow the gaze and are measured better than the iris, so both carry it.
    gaze_iris_side_deg: float = Field(
        default=160.0,
        ge=60,
        le=300,
        description="Degrees of gaze for each eye width an iris is aside; of 60 to 300 this parts looks aside from focused ones best.",
    )
    gaze_iris_down_deg: float = Field(
        default=120.0,
        ge=0,
        le=300,
        description="Degrees of gaze for each eye width an iris is down; less than aside, for the lid (GAZE_LID_DEG) carries it as well.",
    )
    gaze_lid_deg: float = Field(
        default=140.0,
        ge=0,
        le=300,
        description="Degrees of gaze for each eye width the upper lid is down; it follows the gaze, and is measured better than the iris.",
    )
    gaze_up_s: float = Field(
        default=0.6,
        ge=0,
        le=10,
        description="Seconds for which who looked up is still taken to; without, a look to the ceiling's corner flickers between up and aside.",
    )
    gaze_up_aside: float = Field(
        default=1.25,
        ge=1,
        le=3,
        description="Times that such a look must be more aside than up to be one to the side; no labelled look to the side is lost by it.",
    )
    gaze_rest_window: int = Field(
        default=240,
        ge=10,
        le=5000,
        description="Readings of which a person's rest is the median; two minutes at one each GAZE_REST_STEP_S.",
    )
    gaze_rest_prior: int = Field(
        default=40,
        ge=1,
        le=5000,
        description="Readings that people's usual rest weighs as much as, so that the first moments alone can't set a person's own.",
    )
    gaze_rest_step_s: float = Field(
        default=0.5,
        ge=0.1,
        le=60,
        description="Seconds between two readings that the rest learns from; pictures closer together say nothing new.",
    )
    gaze_aside_s: float = Field(
        default=60.0,
        ge=5,
        le=3600,
        description="Seconds of looking to one place beside the camera, never at it, after which that is unknown: the screen may stand there.",
    )
    gaze_rest_open: float = Field(
        default=1.2,
        ge=1,
        le=3,
        description="Times EYES_SHUT that the lids must be apart for the rest to learn from a reading; nearly shut ones are no rest.",
    )
    eyes_rest_least: float = Field(
        default=0.2,
        ge=0.1,
        le=0.26,
        description="Eye widths that a person's lids rest apart at least, for EYES_SHUT follows them: here it is 0.115, and closed eyes reach 0.12.",
    )
    eyes_rest_most: float = Field(
        default=0.35,
        ge=0.26,
        le=0.6,
        description="The same at most: here EYES_SHUT is 0.2, and open eyes begin at 0.19. People's usual rest is 0.26.",
    )
    eyes_in_box: float = Field(
        default=0.4,
        ge=0,
        le=2,
        description="Share of the face's height (hairline to chin) above which the eyes are: a phone lower than that is looked down at. 0 to 1 read "
        "the same; at 1.5 three who read one are lost.",
    )
    eyes_phone_looks: int = Field(
        default=2,
        ge=1,
        le=10,
        description="Looks for which a phone below the eyes says that shut lids are lowered to it; one look may miss it (LOOKS_END).",
    )
    eyes_shut_per_deg: float = Field(
        default=0.01,
        ge=0,
        le=0.1,
        description="Eye widths taken off EYES_SHUT for each degree a head is bowed: lids follow the gaze; closed eyes right 26 → 28 of 28.",
    )
    eyes_shut_from_deg: float = Field(
        default=4.0,
        ge=0,
        le=45,
        description="Degrees below the person's rest from which a head is bowed for EYES_SHUT_PER_DEG. 2 to 6 read the same; at 0 one with closed "
        "eyes looks down, at 8 one who looks down has them closed.",
    )
    face_stretch_level: float = Field(
        default=110.0,
        ge=0,
        le=255,
        description="Grey (0 to 255) of the brightest twentieth under which contrast is stretched first; lit rooms have 141 and more.",
    )
    face_second_look_s: float = Field(
        default=1.0,
        ge=0,
        le=60,
        description="Seconds between two looks for small and turned faces while there are none; each takes 3 ms.",
    )
    face_outline_confidence: float = Field(
        default=0.7,
        ge=0.1,
        le=1,
        description="Confidence (0 to 1) of a face without landmarks from which its turn is believed; high, for nothing confirms it.",
    )
    face_outline_turn: float = Field(
        default=1.3,
        ge=1,
        le=3,
        description="Times GAZE_TURNED_DEG that a face without landmarks must be turned to look away; its angle is rough.",
    )
    # Pictures without a face, measured on empty rooms and on persons blurred and darkened on purpose. Lit rooms have 141 and more.
    picture_dark_level: float = Field(
        default=40.0,
        ge=0,
        le=255,
        description="Grey (0 to 255) of the brightest twentieth under which a picture without a face is dark; at 20 % light 28 to 50.",
    )
    # From the 1st to the 99th percentile; a covered lens has next to none.
    picture_flat_range: float = Field(
        default=25.0,
        ge=0,
        le=255,
        description="Grey levels from darkest to brightest under which a picture without a face is covered; bare walls have 100 and more.",
    )
    # Of the steepest 2 % of a thumbnail; pictures in which faces were lost to blur have 0.09 to 0.25.
    picture_sharpness: float = Field(
        default=0.2,
        ge=0,
        le=2,
        description="Curvature over slope of edges under which a picture without a face is blurred; recorded ones have 0.47 and more.",
    )

    @model_validator(mode="after")
    def _rest_is_no_looking_away(self) -> GazeLimits:
        in_order(self, ("gaze_rest_side_deg", "gaze_side_deg"), ("gaze_rest_down_deg", "gaze_down_deg"))
        return self
