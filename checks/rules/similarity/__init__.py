"""Known recordings in a release: matches, ownership, ISRC consistency, blocklist and stay-down."""
