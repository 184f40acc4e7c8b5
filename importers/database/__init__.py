"""Databases: one module an engine."""
