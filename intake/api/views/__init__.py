"""What labels and partners can ask of the gate: one file for each noun."""
