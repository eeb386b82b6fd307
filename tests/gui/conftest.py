"""Windows are tested without a screen unless the environment names one."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
