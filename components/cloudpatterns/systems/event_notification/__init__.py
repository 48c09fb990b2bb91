"""Event notification: webhooks and alarms that reach people, see ``component``."""
