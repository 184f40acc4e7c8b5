"""The engine of obmen: everything that works without a screen. Never imports `tui` or `textual`."""

__version__ = "0.1.0"
