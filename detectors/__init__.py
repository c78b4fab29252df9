"""What the three detectors are made of: models, landmarks, boxes, voices, and how good a picture is."""
