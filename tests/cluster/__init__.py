"""Tests of what several servers on one database share."""
