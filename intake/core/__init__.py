"""States, the document schema, enqueueing and file formats: nothing here knows a row."""
