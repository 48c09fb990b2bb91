"""The pattern of graceful failure by DNS: its component and arguments, and ``on_aws`` with the page."""
