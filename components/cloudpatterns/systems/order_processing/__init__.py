"""Orders as sagas over services with stores of their own, see ``component``."""
