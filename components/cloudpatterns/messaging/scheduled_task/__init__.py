"""A function, queue, state machine or API action at times: ``ScheduledTask``."""
