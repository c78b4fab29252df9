"""The limits of persons and phones, and when a picture is too poor to show anybody.

How each was found is in bench/NOTES.md; the figures are of the labelled footage that `python -m bench.detectors` measures.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from settings.bounds import in_order
from settings.everyday import EVERYDAY


class PersonsLimits(BaseModel):
    """The limits of `PersonsModel`. Confidences 0..1."""

    model_config = ConfigDict(title="Persons and phones", frozen=True)

    person_confidence: float = Field(
        default=0.35,
        ge=0.05,
        le=0.95,
        description="Confidence (0 to 1) of the only person in view; empty rooms reach 0.17.",
        json_schema_extra=EVERYDAY,
    )
    persons_confidence: float = Field(
        default=0.5,
        ge=0.05,
        le=0.95,
        description="Mean confidence over two looks of each further person; real ones have 0.57 and more, arms and chairs up to 0.45.",
        json_schema_extra=EVERYDAY,
    )
    phone_confidence: float = Field(
        default=0.18,
        ge=0.05,
        le=0.95,
        description="What the looks' votes for a phone must come to, on average and less what a glass or book has in the same place; of five votes "
        "and more the surest and the least sure one don't count. Half of the people chosen on say 0.16 to 0.2.",
        json_schema_extra=EVERYDAY,
    )
    screen_confidence: float = Field(
        default=0.4,
        ge=0.05,
        le=0.95,
        description="Confidence of a television or laptop that makes a person inside it a picture; the one labelled has 0.56, the surest that "
        "holds most of a living person 0.11. 0.1 to 0.9 read the same: the poster's outline tells it as well.",
    )
    room_dark_level: float = Field(
        default=60.0,
        ge=0,
        le=255,
        description="Grey (0 to 255) that the brightest twentieth of a picture must have before it is said to show nobody; the darkest with a person "
        "had 85.",
        json_schema_extra=EVERYDAY,
    )
    person_far_confidence: float = Field(
        default=0.6,
        ge=0.05,
        le=0.99,
        description="Confidence of the only person at the smallest size; faces filling the picture have 0.84 and more, empty rooms 0.08.",
    )
    persons_hint: float = Field(
        default=0.15,
        ge=0.01,
        le=0.95,
        description="Confidence from which a further person is looked for at a second size; far under the 0.57 of real ones, to miss none.",
    )
    persons_third_from: float = Field(
        default=0.3,
        ge=0.01,
        le=0.95,
        description="Mean confidence over two looks from which the second network is asked about a further person; where it agrees, the mean of "
        "three decides. At most PERSONS_CONFIDENCE.",
    )
    faces_hint: float = Field(
        default=0.05,
        ge=0.001,
        le=0.95,
        description="Confidence of a second body from which faces are counted as well: who overlaps or leans in is one body with two faces. Of 78 "
        "made pictures of such all reach it.",
    )
    faces_confidence: float = Field(
        default=0.6,
        ge=0.05,
        le=0.95,
        description="Confidence of each of two faces that are two persons. No picture of 630 with one person has a second face; in the part beside "
        "the first one, hands and prints of the size that FACES_SIZE_SHARE asks for reach 0.52.",
    )
    faces_same_share: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="Share of the smaller of two faces inside the other up to which they are two.",
    )
    faces_size_share: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="Height, in heights of the largest face, from which a further face is one; faces printed on a book or photographed on the wall "
        "have 0.13 to 0.38, who leans in 0.6 and more.",
    )
    persons_same_overlap: float = Field(
        default=0.45,
        ge=0.1,
        le=0.95,
        description="Overlap (intersection over union) from which boxes of two looks are one person; two sizes don't draw quite the same box. 0.2 to "
        "0.8 read the same.",
    )
    box_confidence: float = Field(
        default=0.02,
        ge=0.001,
        le=0.5,
        description="Confidence from which a box is heard at all; low, for means of several looks decide. At most PERSONS_HINT, PHONE_HINT.",
    )
    box_overlap: float = Field(
        default=0.5,
        ge=0.1,
        le=0.95,
        description="Overlap from which two boxes of one look are one thing; at ultralytics' own 0.7 more persons are counted twice.",
    )
    screen_share: float = Field(
        default=0.9,
        ge=0.5,
        le=1,
        description="Share of a person's box inside a screen's from which it is a picture: the one labelled lies wholly in it, living persons up "
        "to 0.32. 0.5 to 0.95 read the same.",
    )
    face_large_share: float = Field(
        default=0.4,
        ge=0.05,
        le=1,
        description="Share of the picture's height from which a face of unknown gaze is a person; small doubtful ones are bottles, too.",
    )
    # Where a phone is looked for more closely: from below the head (or the face, where no person is found) to the picture's lower edge.
    hands_person_confidence: float = Field(
        default=0.4,
        ge=0.05,
        le=0.95,
        description="Confidence of a person below whose head a phone is looked for more closely, else below the face; it only says where to look. "
        "0.15 to 0.9 read the same.",
    )
    hands_below: float = Field(
        default=0.25,
        ge=0,
        le=0.9,
        description="Share of the person's height, from the top, above which that is not done: the head. 0 to 0.4 read the same; at 0.5 one phone "
        "is seen where none is.",
    )
    hands_beside: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of the picture's width beside the person in which it is done, too: arms reach out of the box. At 0 two of 24 phones are "
        "lost and two false, at 0.2 two more are found, at 0.3 one.",
    )
    hands_face_below: float = Field(
        default=0.5,
        ge=0,
        le=2,
        description="Share of the face's height, from the top, above which it is not done where only a face is found: the eyes. 0 to 1 read the "
        "same.",
    )
    hands_face_beside: float = Field(
        default=1.5,
        ge=0,
        le=10,
        description="Face widths to each side in which it is done then: shoulders and arms. 0.5 to 3 read the same.",
    )
    face_pictured_share: float = Field(
        default=0.5,
        ge=0.1,
        le=1,
        description="Share of a face inside a pictured person's box from which it is that person's; a student before the poster reaches out of it. "
        "0.2 to 0.9 read the same.",
    )
    phone_hint: float = Field(
        default=0.022,
        ge=0.001,
        le=0.95,
        description="Confidence of the first look from which a phone is checked; 57 of 59 pictures with one reach it or show who looks down, an "
        "eighth of those without. At 0.03 four of 47 are lost.",
    )
    phone_near_least: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Confidence of a phone that one of two small looks near by a hint must have, or no further one is taken; at each of 47 phones "
        "found one has 0.31 or more, of pictures made of these 0.12. 0: they are not taken.",
    )
    phone_votes_least: float = Field(
        default=0.15,
        ge=0,
        le=2,
        description="Confidence that the looks so far, but for one, must have on average, or the further ones are spared; no phone of 47 found is "
        "lost by it.",
    )
    # Things a hand's length apart share nothing.
    phone_overlap: float = Field(
        default=0.1,
        ge=0,
        le=0.9,
        description="Share of their common area from which two looks mean the same phone; weak things that lie apart are none. No labelled phone is "
        "lost by it.",
    )
    phone_instead_overlap: float = Field(
        default=0.4,
        ge=0,
        le=0.9,
        description="Overlap from which a bottle, glass, cup or book is seen in the phone's place, and counts against it as much as it is sure.",
    )
    phone_face_touch: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of the smaller of the two that phone and face have in common, above which the thing is at the face: drunk from, eaten, "
        "a hand at the glasses.",
    )
    phone_face_factor: float = Field(
        default=2.0,
        ge=1,
        le=10,
        description="How many times as sure a phone at the face must be: what is held there is drunk from, eaten or scratched.",
    )
    # Two thirds of the phones reach more there.
    phone_poor_factor: float = Field(
        default=2.0,
        ge=1,
        le=10,
        description="How many times as sure a phone must be in a dark, backlit or blurred picture; jars and mugs reach 0.36 there.",
    )
    phone_coarse_px: int = Field(
        default=480,
        ge=0,
        le=10000,
        description="Pixels of the longer side under which PHONE_COARSE_FACTOR holds; at 320 printed mugs reach 0.23, phones begin at 0.25.",
    )
    phone_coarse_factor: float = Field(
        default=1.25,
        ge=1,
        le=3,
        description="Times PHONE_CONFIDENCE that a phone needs in such pictures; a quarter more lies between the mugs and the phones.",
    )
    # A piece of tape has 0.4.
    room_flat_slope: float = Field(
        default=3.0,
        ge=0,
        le=50,
        description="Grey levels a pixel of the strongest slope under which the lens is covered; a finger has 0.6, the plainest wall 8.5.",
    )
    # By the Laplacian; blurred by 12 pixels of 640.
    room_blur_edge: float = Field(
        default=12.0,
        ge=0,
        le=100,
        description="Grey levels of the strongest edge under which a picture is blurred; then it has 5 to 8, empty rooms 12.5 and more.",
    )
    room_blur_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of the contrast that this edge must be under, too; of blurred pictures it is 0.1, of empty rooms 0.3 and more.",
    )
    # With it, three quarters of the rest must be under twice ROOM_DARK_LEVEL.
    room_burnt_share: float = Field(
        default=0.15,
        ge=0.01,
        le=1,
        description="Share of a dark picture burnt out (a window) that hides people; without it 2 of 66 with somebody were called empty.",
    )
    poster_fill: float = Field(
        default=0.8,
        ge=0.3,
        le=1,
        description="Share of its rectangle that a poster's outline fills; posters have 0.95 and more, of 1,360 persons none over 0.67.",
    )
    poster_edge_share: float = Field(
        default=0.01,
        ge=0,
        le=0.2,
        description="Share of the longer side within which a person reaches the picture's edge and is no poster: whoever sits at the camera does, "
        "and is spared the search for a frame. 0 to 0.05 read the same; at 0.1 a painting is a person.",
    )
    # Of its four edges the weakest two count.
    poster_straight: float = Field(
        default=0.7,
        ge=0.3,
        le=1,
        description="Share of a poster's four edges that is drawn straight; of 1,360 persons none has four such edges.",
    )

    @model_validator(mode="after")
    def _hints_come_before_what_they_hint_at(self) -> PersonsLimits:
        in_order(
            self,
            ("box_confidence", "persons_hint"),
            ("box_confidence", "phone_hint"),
            ("persons_hint", "persons_confidence"),
            ("persons_third_from", "persons_confidence"),
            ("box_confidence", "faces_hint"),
        )
        return self
