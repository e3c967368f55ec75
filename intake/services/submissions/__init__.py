"""A submission from draft to submit: admission, transitions, AI declarations."""
