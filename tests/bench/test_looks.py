"""What a look costs under two sets of limits: each network is asked once, and what it took counts for either."""

from __future__ import annotations

import numpy as np

from basics.readings import Box, GazeReading
from bench.looks import Compared, Way
from detectors.looks import SIDE, ZOOM_SIDE
from detectors.networks import CELL_PHONE, PERSON, Detection, Image
from face_detector import PersonsModel
from settings.settings import load_settings


class OneInDoubt:
    """Stands for a network: somebody, and what may be a phone, in every look."""

    sees_objects = True

    def __init__(self) -> None:
        self.asked: list[int] = []

    def find(self, image: Image, side: int, least: float) -> list[Detection]:
        self.asked.append(side)
        return [Detection(PERSON, Box(200, 80, 500, 480, 0.9)), Detection(CELL_PHONE, Box(320, 400, 360, 470, 0.1))]

    def close(self) -> None:
        """Nothing is held."""


def test_what_one_way_asked_costs_the_other_as_much_and_is_not_asked_again() -> None:
    network = OneInDoubt()
    model = PersonsModel.__new__(PersonsModel)
    model.backend, model._finder, model._second, model._faces = "onnx", network, None, None
    usual = load_settings(_env_file=None).model_copy(update={"phone_near_least": 0.2})
    answers: dict[object, tuple[list[Detection], float]] = {}
    ways = [Way(model, limits, answers) for limits in (usual, usual.model_copy(update={"phone_near_least": 0.0}))]
    compared = Compared("made up")
    compared.take(ways, "0 s", np.full((480, 640, 3), 120, np.uint8), 0.0, GazeReading(0.0, "focused"))
    near, votes = compared.sides
    assert near == {SIDE: 1, ZOOM_SIDE: 2}
    assert votes[SIDE] == 1
    assert sum(votes.values()) > 3
    assert len(network.asked) == sum((near | votes).values())
    assert compared.ms[0] < compared.ms[1]
    assert (compared.looks, compared.doubtful) == (1, 1)
