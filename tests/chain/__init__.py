"""A whole chain on an emulator: API, queue, worker, a flaky dependency behind a breaker, bus, fan-out, dead-letter queues, redrive."""
