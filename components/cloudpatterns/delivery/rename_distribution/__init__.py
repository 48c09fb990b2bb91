"""The pattern Rename Distribution: its component and arguments, and ``on_aws`` with the function that removes superseded assets."""
