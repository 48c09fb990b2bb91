"""Deep health check, see ``component``."""
