"""The pattern Direct Storage Hosting: its component and arguments, and ``on_aws`` with the function that finds the pages."""
