"""Circuit Breaker: the table of its states, what functions need of it, and the states of a state machine."""
