"""FaceMesh's attention model taken apart at the operators that only MediaPipe's graph knows: two parts that LiteRT runs.

The file of mediapipe 0.10.21 reads a face in three steps: the mesh with a map of features, then (by three operators of its own) crops of the
map around the lips and each eye, then a head for each crop. The first step, and the last one for the eyes, are made models by naming other
inputs and outputs in the file; the second is a few lines in `detectors.mesh`. Names of tensors hold for this very file only.
"""

from __future__ import annotations

import struct

# Tensors of the steps: picture, mesh, face's score and feature map; crops of the right and the left eye; their contours, and the irises
PICTURE, MESH, SCORE, FEATURES = b"input_1", b"output_mesh", b"conv_faceflag", b"p_re_lu_3"
CROPS = (b"transform_tensor_bilinear_v2_1", b"transform_tensor_bilinear_v2_2")
CONTOURS, IRISES = (b"reshape_3", b"reshape_6"), (b"reshape_4", b"reshape_7")

# Numbers of the fields in TensorFlow Lite's schema (schema.fbs)
_MODEL_GRAPHS = 2
_GRAPH_TENSORS, _GRAPH_INPUTS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS = 0, 1, 2, 3
_TENSOR_NAME = 3
_OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 1, 2


def mesh_part(model: bytes) -> bytes:
    """The part from the face's picture, float32 [1, 192, 192, 3] of 0..1, to mesh, score and feature map. ValueError for another file."""
    return part_of(model, (PICTURE,), (MESH, SCORE, FEATURES))


def heads_part(model: bytes) -> bytes:
    """The part from the crops of the feature map to the contours of right and left eye, and both irises. ValueError for another file."""
    return part_of(model, CROPS, CONTOURS + IRISES)


def part_of(model: bytes, inputs: tuple[bytes, ...], outputs: tuple[bytes, ...]) -> bytes:
    """The .tflite file `model` with only those operators that make the tensors `outputs` out of `inputs`, by name."""
    try:
        return _part_of(bytearray(model), inputs, outputs)
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"not FaceMesh's attention model of mediapipe 0.10.21: {type(error).__name__} {error}") from error


def _part_of(data: bytearray, inputs: tuple[bytes, ...], outputs: tuple[bytes, ...]) -> bytes:
    graph = _tables(data, _field(data, _follow(data, 0), _MODEL_GRAPHS))[0]
    tensors = _tables(data, _field(data, graph, _GRAPH_TENSORS))
    numbers = {_text(data, _field(data, tensor, _TENSOR_NAME)): number for number, tensor in enumerate(tensors)}
    given, asked = [numbers[name] for name in inputs], [numbers[name] for name in outputs]
    listed = _follow(data, _field(data, graph, _GRAPH_OPERATORS))
    operators = _tables(data, _field(data, graph, _GRAPH_OPERATORS))
    makers = {made: operator for operator in operators for made in _integers(data, _field(data, operator, _OPERATOR_OUTPUTS))}
    kept: set[int] = set()
    seen, pending = set(given), list(asked)
    while pending:
        tensor = pending.pop()
        if tensor not in seen and tensor in makers:
            kept.add(makers[tensor])
            pending += _integers(data, _field(data, makers[tensor], _OPERATOR_INPUTS))
        seen.add(tensor)
    # The list is shortened where it lies: offsets point forward, and an operator's table lies behind the whole list.
    for place, operator in enumerate(operator for operator in operators if operator in kept):
        at = listed + 4 + 4 * place
        struct.pack_into("<I", data, at, operator - at)
    struct.pack_into("<I", data, listed, len(kept))
    for field, chosen in ((_GRAPH_INPUTS, given), (_GRAPH_OUTPUTS, asked)):
        at = _field(data, graph, field)
        data += bytes(-len(data) % 4)
        struct.pack_into("<I", data, at, len(data) - at)
        data += struct.pack(f"<{len(chosen) + 1}I", len(chosen), *chosen)
    return bytes(data)


# A flatbuffer: tables name their fields' places in a table of their own, and what is not a number is an offset from where it stands


def _follow(data: bytearray, at: int) -> int:
    return at + int(struct.unpack_from("<I", data, at)[0])


def _field(data: bytearray, table: int, number: int) -> int:
    """Where the field of a table stands. KeyError where the table leaves it out."""
    fields = table - int(struct.unpack_from("<i", data, table)[0])
    size, place = struct.unpack_from("<H", data, fields)[0], 4 + 2 * number
    within = int(struct.unpack_from("<H", data, fields + place)[0]) if place < size else 0
    if not within:
        raise KeyError(f"no field {number}")
    return table + within


def _tables(data: bytearray, at: int) -> list[int]:
    vector = _follow(data, at)
    return [_follow(data, vector + 4 + 4 * place) for place in range(_length(data, vector))]


def _integers(data: bytearray, at: int) -> tuple[int, ...]:
    vector = _follow(data, at)
    return struct.unpack_from(f"<{_length(data, vector)}i", data, vector + 4)


def _text(data: bytearray, at: int) -> bytes:
    vector = _follow(data, at)
    return bytes(data[vector + 4 : vector + 4 + _length(data, vector)])


def _length(data: bytearray, vector: int) -> int:
    length = int(struct.unpack_from("<I", data, vector)[0])
    if length > len(data):  # a damaged file is not to be counted through for hours
        raise IndexError(f"a list of {length}")
    return length
