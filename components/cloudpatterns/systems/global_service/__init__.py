"""The global service: cells in several Regions under one name, see ``component``."""
