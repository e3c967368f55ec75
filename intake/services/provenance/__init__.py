"""Signed copies, trust roots, waveforms and artefact review."""
