"""Databases: what rooms may ask of one (`protocol.py`), and one module an engine."""
