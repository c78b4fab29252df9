"""The values, errors and times that all parts share."""
