"""A record of what happens in an account, which nobody can change, and alarms on who tries."""
