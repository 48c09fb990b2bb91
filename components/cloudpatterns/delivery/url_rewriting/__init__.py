"""The pattern URL Rewriting: its component and arguments, the search for loops, and ``on_aws`` with the function that redirects."""
