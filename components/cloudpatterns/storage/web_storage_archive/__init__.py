"""Archive of logs, see ``component``."""
