"""Backup of servers outside AWS, see ``component``."""
