from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
"""The texts of this room."""
