"""AWS on this machine: moto in process, and MiniStack as a server; see docs/testing.md."""
