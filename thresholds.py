"""The detectors' limits that an operator may change, once: the detectors' own defaults, and those of the settings of the same names.

How each was found is in bench/NOTES.md; development set below is the labelled footage that `python -m bench.detectors` measures.
"""

# Gaze. Degrees are against the person's own rest.
GAZE_SIDE_DEG = 11.5  # development set: 102 of 105 focused pictures within 9°, the others up to 10.9°; looks begin at 12.5°
GAZE_DOWN_DEG = 11.0  # development set: focused pictures stay under 7.5°, reading a phone begins at 15°
GAZE_TURNED_DEG = 25.0  # a head turned this far looks away whatever the irises of its far side seem to say
GAZE_REST_SIDE_DEG = 6.0  # the rest may wander so far (a side screen); less than GAZE_SIDE_DEG, so that looking away never becomes rest
GAZE_REST_DOWN_DEG = 5.0  # the same for a camera above the screen
GAZE_REST_UP_DEG = 4.0  # and for one below it
EYES_SHUT = 0.15  # lids' distance in eye widths: closed eyes of the development set reach .12 at a level head, open ones begin at .19
FACE_CONFIDENCE = 0.5  # MediaPipe's own default for finding and following a face
FACE_DARK_LEVEL = 14.0  # mean luminance 0..255 of the face; at 20 % light it was 16..33 and all was well, at 10 % looks were lost
FACE_SHARPNESS = 0.01  # fine detail's share of the face's variance at 64x64, in the direction that has least of it: 0.020 and more as recorded,
# 0.015 and more at 320x240, 0.008 and less (most) when a head moves by half an eye while the picture is taken
EYE_MIN_PX = 5.5  # narrower eyes carry no iris; 160x120 pictures (7 px and more) still gave 92 % right

# Persons and phones. Confidences 0..1.
PERSON_CONFIDENCE = 0.35  # empty rooms reach .17
PERSONS_CONFIDENCE = 0.5  # mean of two looks: real further persons from .57, arms and chairs up to .45
PHONE_CONFIDENCE = 0.2  # mean of three looks: mugs, bottles and hands reach .19
SCREEN_CONFIDENCE = 0.4  # of a television or laptop that makes a person inside its box a picture
ROOM_DARK_LEVEL = 60.0  # the brightest twentieth of the picture; the darkest labelled picture with a person has 85

# Sound
SPEECH_THRESHOLD = 0.5  # Silero's own
SPEECH_END_THRESHOLD = 0.07  # within speech, so that soft words stay in it
SPEECH_CONFIRM = 0.5  # mean probability of speech that the second model must give: music and animals get less
SPEECH_PAUSE_S = 0.85  # at 1.0 precision falls under .99
SOUND_SILENT_S = 10.0  # exact zeros for longer: a live microphone always has some noise
SOUND_FAINT_DBFS = -84.0  # two steps of 16 bits: a whisper would not be carried
SOUND_CLIPPED_SHARE = 0.02  # of a second's samples at full scale

# Voices. Mean cosines of embeddings: one voice .53 to .85, two voices .1 to .46 (15 people, 1.5 s each, 5 % lie outside).
VOICES_THRESHOLD = 0.49
VOICE_CHANGE_THRESHOLD = 0.50
STRANGER_THRESHOLD = 0.47
OWN_VOICE_THRESHOLD = 0.52
OWN_VOICE_S = 8.0
TOGETHER_S = 0.3
