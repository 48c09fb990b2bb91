"""Reports of a preview: for the terminal, as JSON, SARIF and JUnit XML."""
