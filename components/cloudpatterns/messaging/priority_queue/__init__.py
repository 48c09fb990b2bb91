"""Priority queue, see ``component``."""
