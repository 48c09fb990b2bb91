"""Files that users upload, share by links with an expiry, and can take back: the site, its API, and what delivers the files."""
