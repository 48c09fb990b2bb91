"""Event bus, see ``component``."""
