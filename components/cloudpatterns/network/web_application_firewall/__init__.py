"""The pattern Web Application Firewall: its component and arguments; ``rules`` and ``checks`` are its parts."""
