"""A process that ends when the one that started it does, however that one ended."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

# Loaded here, because between fork and exec there is no time to look for a library.
libc = ctypes.CDLL(None)


def end_with_parent(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send us `by` when the process `parent`, which must be ours, is gone.

    Only Linux can; elsewhere a parent that is killed hard leaves its children running.
    """
    if sys.platform == "linux":
        libc.prctl(PR_SET_PDEATHSIG, by)
        if os.getppid() != parent:  # It was gone before we asked.
            os.kill(os.getpid(), by)
