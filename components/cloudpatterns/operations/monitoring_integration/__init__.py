"""Dashboard, alarms, agent and export of metrics: see ``component``."""
