"""The pattern of a user directory: its component and arguments."""
