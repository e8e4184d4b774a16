"""The command line: a door to the API, with no mathematics in it."""
