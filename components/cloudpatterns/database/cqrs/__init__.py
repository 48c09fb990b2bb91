"""Command query responsibility segregation, see ``component``."""
