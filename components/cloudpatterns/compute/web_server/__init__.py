"""The boot script of web servers, as user data with its parameters."""
