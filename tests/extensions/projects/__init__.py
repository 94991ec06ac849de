"""Tests of a small app as its users would write them, for tools that have ways of their own to run tests."""
