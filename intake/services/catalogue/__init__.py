"""Known recordings and their index."""
