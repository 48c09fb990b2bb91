"""The pattern Content Delivery Network: its component and arguments; ``origins``, ``behaviors`` and ``checks`` are its parts."""
