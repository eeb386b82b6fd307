"""What all tests share."""

import os

from hypothesis import settings

# Everywhere else hypothesis draws anew each time and finds what nobody has thought of; a check of a commit is to say
# the same twice.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
