"""What a check may see and say: the release, the facts, findings, and the context it asks."""
