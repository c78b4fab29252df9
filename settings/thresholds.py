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
EYE_CONTRAST = 0.3  # of the better eye, darkest to brightest, in standard deviations of the face: 0.94 and more as recorded, 0.37 against the light;
# behind black glasses or a bare hand 0.1 and less, and landmarks drawn there looked down in nearly half the pictures
# From eye widths to degrees. An eyeball of 12 mm radius in an opening of 30 mm gives 143° an eye width for small angles; FaceMesh draws
# irises towards the middle, so it takes more: of 60..300 the gap between the development set's focused pictures and looks to the side is
# widest at 160. Vertically the lids follow the gaze and are measured better than the iris, so both carry it.
GAZE_IRIS_SIDE_DEG = 160.0
GAZE_IRIS_DOWN_DEG = 120.0
GAZE_LID_DEG = 140.0
# How much less opening it takes to be open for each degree the head is bowed, because lids follow the gaze; and from where it is bowed.
EYES_SHUT_PER_DEG = 0.01
EYES_SHUT_FROM_DEG = 4.0
# Who looks up is still looking up so soon after unless it is this much more aside: a look to the ceiling's corner does not flicker.
GAZE_UP_S = 0.6
GAZE_UP_ASIDE = 1.25
GAZE_REST_WINDOW = 240  # readings the rest is the median of: two minutes at one each half second
GAZE_REST_PRIOR = 40  # the population's rest weighs as much as so many readings: the first moments alone can't set it
GAZE_REST_STEP_S = 0.5  # between two readings the rest learns from
GAZE_ASIDE_S = 60.0  # of looking to one place without ever having looked at the screen: where this screen stands isn't known
EYES_REST_LEAST = 0.2  # eye widths that a person's own rest may be open: narrower, and EYES_SHUT would fall to where closed eyes are,
EYES_REST_MOST = 0.35  # and wider, to where open ones are; the population's is .26
GAZE_REST_OPEN = 1.2  # times EYES_SHUT that lids must be apart for a reading to be learnt from: nearly shut ones are no rest
FACE_STRETCH_LEVEL = 110.0  # 95th percentile of luminance under which contrast is stretched first; lit rooms have 141 and more
FACE_SECOND_LOOK_S = 1.0  # between two looks with the full-range finder (3 ms) while it finds nobody either
FACE_OUTLINE_CONFIDENCE = 0.7  # of a face without landmarks from which its turn is believed
FACE_OUTLINE_TURN = 1.3  # times GAZE_TURNED_DEG that such a face must be turned: its angle is rough
# Pictures without a face (development set: empty rooms, and persons blurred and darkened on purpose).
PICTURE_DARK_LEVEL = 40.0  # 95th percentile of luminance; lit rooms have 141 and more, at 20 % light 28..50
PICTURE_FLAT_RANGE = 25.0  # 99th less 1st percentile of luminance; bare walls have 100 and more, a covered lens next to none
PICTURE_SHARPNESS = 0.2  # curvature over slope of the steepest 2 %, at 160x120: 0.47 and more as recorded, 0.09..0.25 when faces were lost to blur

# Persons and phones. Confidences 0..1.
PERSON_CONFIDENCE = 0.35  # empty rooms reach .17
PERSONS_CONFIDENCE = 0.5  # mean of two looks: real further persons from .57, arms and chairs up to .45
PHONE_CONFIDENCE = 0.2  # mean of three looks: mugs, bottles and hands reach .19
SCREEN_CONFIDENCE = 0.4  # of a television or laptop that makes a person inside its box a picture
ROOM_DARK_LEVEL = 60.0  # the brightest twentieth of the picture; the darkest labelled picture with a person has 85
BOX_CONFIDENCE = 0.03  # from which the network's boxes are heard at all: means of several looks decide
BOX_OVERLAP = 0.5  # intersection over union from which two boxes of a class are one; .7 (ultralytics' own) gives more persons counted twice
PERSON_FAR_CONFIDENCE = 0.6  # of the only person at the smallest size; faces filling the picture have from .84, empty rooms up to .08
PERSONS_HINT = 0.15  # from which a further box is checked at all
PERSONS_SAME_OVERLAP = 0.45  # intersection over union from which boxes of two looks are one person: two sizes don't draw quite the same box
PHONE_HINT = 0.03  # of the first look; a phone is hinted at in 36 of 38 pictures with one, and in 7 % of those with none
PHONE_VOTES_LEAST = 0.1  # sum of two votes below which a third can't reasonably make a phone (it would need .5 alone)
PHONE_OVERLAP = 0.1  # intersection over union from which two votes mean the same thing; a hand's length apart they share nothing
PHONE_POOR_FACTOR = 2.0  # times PHONE_CONFIDENCE in a dark, backlit or blurred picture: jars and mugs reach .36 there, two thirds of the phones more
PHONE_COARSE_PX = 480  # of a picture's width below which a printed mug looks more like a phone (up to .23 at 320x240, phones from .25)
PHONE_COARSE_FACTOR = 1.25
SCREEN_SHARE = 0.9  # of a person's box inside a screen's from which it is a picture: whoever sits before a screen reaches out of it
# Where a phone is looked for more closely: from below the head (or the face, where no person is found) to the picture's lower edge.
HANDS_PERSON_CONFIDENCE = 0.3  # of a person whose hands these are
HANDS_BELOW = 0.25  # of the person's box above which the head is
HANDS_BESIDE = 0.1  # of the picture's width beside that box: arms reach out of it
HANDS_FACE_BELOW = 0.5  # of the face's box
HANDS_FACE_BESIDE = 1.5  # face widths to each side
FACE_PICTURED_SHARE = 0.5  # of a face in a pictured person from which it is that person's
FACE_LARGE_SHARE = 0.3  # of the picture's height from which a face of unknown gaze is a person; small doubtful ones are bottles, too
ROOM_FLAT_SLOPE = 3.0  # strongest slope, grey steps a pixel; a covered lens: a finger .6, tape .4; the plainest empty wall 8.5
ROOM_BLUR_EDGE = 12.0  # strongest edge (Laplacian), grey steps; blurred by 12 pixels of 640: 5 to 8, empty rooms from 12.5
ROOM_BLUR_SHARE = 0.2  # the same as a share of the contrast; blurred .1, empty rooms from .3
ROOM_BURNT_SHARE = 0.15  # of the picture burnt out, as by a window behind; with it, three quarters of the rest must be under 2 ROOM_DARK_LEVEL
POSTER_FILL = 0.8  # share of its rectangle that a poster's outline fills: posters .95 to 1, of 1,360 boxes of persons none over .67
POSTER_EDGE_SHARE = 0.01  # of the longer side from the picture's edge: a person reaching it sits there; spares most looks the search for a frame
POSTER_STRAIGHT = 0.7  # share of the weakest two of four edges that is drawn; of 1,360 boxes of persons none has four edges

# Sound
SPEECH_THRESHOLD = 0.5  # Silero's own
SPEECH_END_THRESHOLD = 0.07  # within speech, so that soft words stay in it
SPEECH_CONFIRM = 0.5  # mean probability of speech that the second model must give: music and animals get less
SPEECH_PAUSE_S = 0.85  # at 1.0 precision falls under .99
SOUND_SILENT_S = 10.0  # exact zeros for longer: a live microphone always has some noise
SOUND_FAINT_DBFS = -84.0  # two steps of 16 bits: a whisper would not be carried
SOUND_CLIPPED_SHARE = 0.02  # of a second's samples at full scale
SOUND_FAINT_S = 10.0  # that must all be faint: one quiet second is nothing
SOUND_GAP_S = 0.3  # sound missing for longer is lost; less is a browser's jitter
SPEECH_PAD_S = 0.12  # Silero finds a beginning about this late
SPEECH_CLICK_S = 0.2  # a click or a cough is shorter
SPEECH_SURE_S = 1.5  # speech that is told at once where no second model can confirm it
VOICES_LOOK_SPEECH_S = 3.0  # speech after which voices are judged again
VOICES_LOOK_PAUSE_S = 1.0  # silence after which the last speech is judged
VOICES_LOOK_APART_S = 2.5  # least time between two looks: bounds the cost of broken speech
VOICES_FOLLOW_S = 6.0  # how long after the other voice the talk still counts as one of several

# Voices. Mean cosines of embeddings: one voice .53 to .85, two voices .1 to .46 (15 people, 1.5 s each, 5 % lie outside).
VOICES_THRESHOLD = 0.49
VOICE_CHANGE_THRESHOLD = 0.50
STRANGER_THRESHOLD = 0.47
OWN_VOICE_THRESHOLD = 0.52
OWN_VOICE_S = 8.0
TOGETHER_S = 0.3
OWN_VOICE_APART_S = 60.0  # between first and last hearing it, before another voice alone counts: instructions at the start are no student
OWN_VOICE_MOST_S = 60.0  # weight of the student's voice; then it follows slowly (a cold, another seat)
STRANGER_S = 2.0  # speech on which a stranger must rest
TOGETHER_EDGE_S = 0.6  # at a window's end the overlap model may hear two until it knows what follows (an echo at a word's onset)
VOICE_TURN_S = 0.5  # least speech of a second speaker
VOICE_UNIT_S = 1.5  # speech in one embedding: longer tells voices apart better, shorter finds a short answer
VOICE_UNIT_LEAST_S = 0.6  # shorter speech has no reliable direction
VOICE_UNIT_SOUND_S = 0.8  # shorter units serve only where the overlap model heard two speakers
VOICE_UNIT_SHARE = 0.6  # of a unit that one speaker of a window must say alone for the unit to be that speaker's
# How much further apart short speech must be, because its direction is less sure: a limit of .45 for .7 s made a dog's bark a voice.
VOICES_SHORT_LESS = 0.13
VOICES_SHORT_S = 0.7  # speech of one of the two with which VOICES_THRESHOLD is lowered by all of it,
VOICES_SURE_S = 1.5  # and from which by nothing
VOICE_CHANGE_LESS = 0.10  # the same within what sounds like one speaker: 1.3 s on one side need .40
VOICE_CHANGE_SHORT_S = 1.3  # on the shorter side; with less there is no change
VOICE_CHANGE_SURE_S = 2.4
VOICE_CHANGE_CONTRAST = 0.10  # that a change must lie under the likeness within either side
