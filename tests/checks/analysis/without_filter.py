"""A child on a kernel that refuses seccomp."""

from checks.analysis import decode, sandbox

sandbox._seccomp = lambda: False
measure = decode.measure
