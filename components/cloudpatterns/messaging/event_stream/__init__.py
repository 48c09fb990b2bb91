"""Event stream, see ``component``."""
