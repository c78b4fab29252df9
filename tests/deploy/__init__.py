"""Tests of the files with which the server is deployed, each by the program that it is for."""
