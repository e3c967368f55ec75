"""The review queue, decisions, appeals, blocklist and stay-down."""
