"""Stamp: server images that a pipeline builds, tests and distributes."""
