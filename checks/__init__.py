"""What the gate asks of a release: a pure library that knows music and nothing of the web."""
