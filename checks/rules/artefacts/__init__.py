"""Regular spectral lines that decoders of generated sound leave, and the installation's own model of them."""
