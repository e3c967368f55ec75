"""The checks, one module or folder each; none imports another."""
