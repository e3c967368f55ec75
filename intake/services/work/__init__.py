"""Messages for work rows."""
