"""Helpers of the tests, by name."""
