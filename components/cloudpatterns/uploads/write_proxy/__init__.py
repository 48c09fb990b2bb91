"""Write proxy: files that arrive by SFTP or FTPS, each user in a folder, and are released to readers once they are clean."""
