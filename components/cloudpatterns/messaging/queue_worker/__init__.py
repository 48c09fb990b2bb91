"""Queue worker, see ``component``."""
