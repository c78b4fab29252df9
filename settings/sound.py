"""The limits of sound, of speech in it, and of telling voices apart.

How each was found is in bench/NOTES.md; the figures are of the labelled footage that `python -m bench.detectors` measures.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from settings.bounds import in_order
from settings.everyday import EVERYDAY


class VoiceLimits(BaseModel):
    """The limits of `VoiceTracker`. Likeness is the mean cosine of embeddings."""

    model_config = ConfigDict(title="Voices", frozen=True)

    # Mean cosines of embeddings, measured on 15 people with 1.5 s each; 5 % of the pairs lie outside these ranges.
    voices_threshold: float = Field(
        default=0.44,
        ge=0.15,
        le=0.9,
        description="Likeness (mean cosine) under which two who speak in turn are two voices; labelled clips have 0.43 at most, one person who turns "
        "from calm to shouting has 0.45 and more in 47 of 50 cases. Lower finds fewer.",
        json_schema_extra=EVERYDAY,
    )
    voices_unknown_more: float = Field(
        default=0.05,
        ge=0,
        le=0.5,
        description="Likeness added to VOICES_THRESHOLD for speech of VOICES_SURE_S and more until OWN_VOICE_S of one voice are known: there is "
        "nothing else by which a second one could be told. Two who answer one another reach 0.48, and who turns to shouting 0.45.",
    )
    voices_together_threshold: float = Field(
        default=0.56,
        ge=0.15,
        le=0.9,
        description="The same for two who speak at once, each of which is heard with the other; labelled ones have 0.33 to 0.49, and of one voice "
        "alone no two are ever heard at once.",
    )
    voice_change_threshold: float = Field(
        default=0.47,
        ge=0.15,
        le=0.9,
        description="Likeness under which the voice has changed within what sounds like one speaker; one voice has 0.53 and more, two have up to "
        "0.46, one that turns to shouting 0.47. At 0.40 one of 60 clips with several voices is lost.",
    )
    stranger_threshold: float = Field(
        default=0.42,
        ge=0.1,
        le=0.9,
        description="Likeness to the student's own voice under which a voice is somebody else's; 0.37 to 0.51 find the same, "
        "and a student's own shouting has 0.42.",
    )
    own_voice_threshold: float = Field(
        default=0.52,
        ge=0.1,
        le=0.95,
        description="Likeness from which a voice is the student's and refines what is known of it; 95 of 100 pairs of one voice have 0.53. At least "
        "STRANGER_THRESHOLD.",
    )
    own_voice_s: float = Field(
        default=8.0,
        ge=2,
        le=120,
        description="Seconds of one voice after which it is taken for the student's: five of VOICE_UNIT_S, for one alone is too unsure. Forgotten "
        "with the session.",
    )
    together_probability: float = Field(
        default=0.35,
        ge=0.1,
        le=0.9,
        description="Probability that two talk at once from which they do; a second voice at -9 dB has less than a half. At 0.25 voices that shout "
        "become two.",
    )
    together_s: float = Field(
        default=0.4,
        ge=0.1,
        le=5,
        description="Seconds of two talking at once that are two voices; an echo at a word's beginning is shorter.",
    )
    voices_short_less: float = Field(
        default=0.02,
        ge=0,
        le=0.5,
        description="Likeness taken off VOICES_THRESHOLD for short speech, which is less sure; 0.45 at 0.7 s made a dog's bark a voice.",
    )
    voices_short_s: float = Field(
        default=0.7,
        ge=0.1,
        le=10,
        description="Seconds of speech of one of two speakers at which all of VOICES_SHORT_LESS is taken off; a short answer is as long.",
    )
    voices_sure_s: float = Field(
        default=1.5,
        ge=0.1,
        le=30,
        description="Seconds from which nothing is: what VOICES_THRESHOLD was measured on. At least VOICES_SHORT_S.",
    )
    voice_change_less: float = Field(
        default=0.10,
        ge=0,
        le=0.5,
        description="The same for VOICE_CHANGE_THRESHOLD: with 1.3 s on one side the likeness must be under 0.40.",
    )
    voice_change_short_s: float = Field(
        default=1.3,
        ge=0.1,
        le=10,
        description="Seconds on a change's shorter side at which all of VOICE_CHANGE_LESS is taken off; fewer are too unsure for a change.",
    )
    voice_change_sure_s: float = Field(
        default=2.4,
        ge=0.1,
        le=30,
        description="Seconds from which nothing is; on both sides there are then several directions. At least VOICE_CHANGE_SHORT_S.",
    )
    voice_change_contrast: float = Field(
        default=0.10,
        ge=0,
        le=0.9,
        description="Likeness that a change of voice must lie under that within either side; a voice that varies all along has not changed.",
    )
    voice_turn_s: float = Field(
        default=0.5,
        ge=0.1,
        le=10,
        description="Seconds of a second speaker in the last ten that count; in much fewer no voice can be told. 0.25 to 0.75 find the same; at "
        "1.0 one of 40 clips with several voices is lost, at 1.5 four.",
    )
    voice_unit_s: float = Field(
        default=1.5,
        ge=0.5,
        le=5,
        description="Seconds of speech whose direction is taken at once; longer tells voices apart better, shorter finds a short answer.",
    )
    voice_unit_least_s: float = Field(
        default=0.6, ge=0.1, le=5, description="Seconds under which speech has no reliable direction. At most VOICE_UNIT_S."
    )
    voice_unit_sound_s: float = Field(
        default=0.8,
        ge=0.1,
        le=5,
        description="Seconds under which a direction serves only where two speakers are heard; alone it is too unsure to teach or accuse.",
    )
    voice_unit_share: float = Field(
        default=0.6,
        ge=0.5,
        le=1,
        description="Share of such a stretch that one speaker must say alone for it to be that speaker's; clearly more than half. 0.5 to 0.8 find "
        "the same; at 0.9 one of 40 clips with several voices is lost.",
    )
    stranger_s: float = Field(
        default=2.0,
        ge=0.5,
        le=30,
        description="Seconds of speech on which a stranger's voice must rest; more than VOICE_UNIT_S, so that one direction is not enough.",
    )
    own_voice_apart_s: float = Field(
        default=60.0,
        ge=0,
        le=3600,
        description="Seconds between first and last hearing the student's voice, before another alone counts; one talk may be the invigilator's.",
    )
    own_voice_most_s: float = Field(
        default=60.0,
        ge=2,
        le=3600,
        description="Seconds of the student's voice that are weighed against what is new; it follows a cold or another seat. At least OWN_VOICE_S.",
    )
    loudspeaker_threshold: float = Field(
        default=0.05,
        ge=0.005,
        le=1,
        description="YAMNet's score of television and radio, on average where one voice is heard, from which that voice comes from a loudspeaker and "
        "is nobody in the room. Of 128 labelled clips with voices in a room no 2 s have more than 0.019.",
    )
    together_edge_s: float = Field(
        default=0.6,
        ge=0.05,
        le=5,
        description="Seconds at a window's end in which two at once don't count; the overlap model hears two until it knows what follows.",
    )

    @model_validator(mode="after")
    def _short_speech_is_judged_before_sure(self) -> VoiceLimits:
        in_order(
            self,
            ("stranger_threshold", "own_voice_threshold"),
            ("voices_short_s", "voices_sure_s"),
            ("voice_change_short_s", "voice_change_sure_s"),
            ("voice_unit_least_s", "voice_unit_s"),
            ("own_voice_s", "own_voice_most_s"),
        )
        return self


class SoundLimits(VoiceLimits):
    """The limits of `AudioDetector`: with those of voices, all that decides what is heard."""

    model_config = ConfigDict(title="Sound and speech", frozen=True)

    speech_threshold: float = Field(
        default=0.5,
        ge=0.05,
        le=0.95,
        description="Probability (0 to 1) from which Silero hears speech begin; its own default.",
        json_schema_extra=EVERYDAY,
    )
    speech_end_threshold: float = Field(
        default=0.07,
        ge=0.01,
        le=0.95,
        description="Probability under which speech ends; low, so that soft words stay in it. At most SPEECH_THRESHOLD.",
    )
    speech_confirm: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Mean probability of speech that the second model must give a stretch, so that music and animals are none.",
    )
    speech_pause_s: float = Field(
        default=0.85,
        ge=0.1,
        le=5,
        description="Seconds of pause that belong to the speech around them; at 1.0 precision falls under 0.99.",
        json_schema_extra=EVERYDAY,
    )
    # YAMNet's scores, 0 to 1, of a second around each half second in which Silero hears something
    sound_kind_threshold: float = Field(
        default=0.5, ge=0.05, le=1, description="Score from which a cough, laughter, music, an animal and the like is told; what is heard is near 1."
    )
    sound_speech_beside: float = Field(
        default=0.3, ge=0, le=1, description="Score that speech must have where such a sound is told too, so that it is speech beside it."
    )
    sound_speech_least: float = Field(
        default=0.02, ge=0, le=1, description="Score that speech must have at all, whatever else Silero heard: a chair, a door, snoring."
    )
    sound_whisper_threshold: float = Field(default=0.3, ge=0.05, le=1, description="Score from which whispering is told.")
    sound_loud_dbfs: float = Field(
        default=-45.0,
        ge=-120,
        le=0,
        description="Loudness from which a sound is named though Silero hears no speech in it, a ringing phone for one.",
    )
    sound_silent_s: float = Field(
        default=10.0,
        ge=1,
        le=600,
        description="Seconds of equal samples, zeros mostly, after which the microphone counts as dead or muted; a live one always has some noise.",
        json_schema_extra=EVERYDAY,
    )
    # A whisper would not be carried.
    sound_faint_dbfs: float = Field(
        default=-84.0,
        ge=-120,
        le=0,
        description="Loudness in dB below full scale under which sound is unknown; two steps of 16 bits.",
        json_schema_extra=EVERYDAY,
    )
    sound_clipped_share: float = Field(
        default=0.02,
        ge=0.001,
        le=1,
        description="Share of a second's samples at full scale from which it is unknown; of 109 labelled clips no second has any.",
    )
    sound_flat_share: float = Field(
        default=0.003,
        ge=0.0005,
        le=1,
        description="Share of a second's samples at its own highest or lowest value, from which no voice is told apart in it: it is cut off, at "
        "whatever height. Of 174 labelled clips no second has more than 0.0005; speech cut at half its height has 0.005 and more where it is loud.",
    )
    sound_faint_s: float = Field(
        default=10.0, ge=1, le=600, description="Seconds that must all be fainter than SOUND_FAINT_DBFS; one quiet second says nothing."
    )
    sound_gap_s: float = Field(default=0.3, ge=0.05, le=10, description="Seconds of missing sound from which it is lost; less is a browser's jitter.")
    speech_pad_s: float = Field(
        default=0.12,
        ge=0,
        le=1,
        description="Seconds by which speech is taken to begin before Silero hears it; it hears beginnings about so late.",
    )
    speech_click_s: float = Field(default=0.2, ge=0, le=5, description="Seconds under which speech is none; a click or a cough is shorter.")
    speech_sure_s: float = Field(
        default=1.5,
        ge=0.1,
        le=30,
        description="Seconds of speech after which it is told at once where the second model is missing: nothing else will confirm it.",
    )
    voices_look_speech_s: float = Field(
        default=3.0,
        ge=0.5,
        le=8,
        description="Seconds of speech after which it is told and voices are judged again; fewer cost more, more tell later.",
    )
    voices_look_pause_s: float = Field(
        default=1.0,
        ge=0.2,
        le=8,
        description="Seconds of silence after which the last speech is judged; so speech is told 1 s after it ends.",
    )
    voices_look_apart_s: float = Field(
        default=2.5, ge=0, le=30, description="Seconds between two such judgements at least; bounds what broken speech costs."
    )
    voices_follow_s: float = Field(
        default=6.0,
        ge=0,
        le=60,
        description="Seconds after another voice for which the talk still counts as one of several; what answers it belongs to it.",
    )

    @model_validator(mode="after")
    def _speech_ends_below_where_it_begins(self) -> SoundLimits:
        in_order(self, ("speech_end_threshold", "speech_threshold"))
        return self
