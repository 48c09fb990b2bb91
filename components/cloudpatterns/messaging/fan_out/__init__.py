"""Fan-out, see ``component``."""
