"""Files that several servers share: ``NfsSharing`` and its mount script."""
