"""Keeps one processor awake: `python awake.py 0`, until its input ends. Knows nothing of measurements.

A processor of a virtual machine that has slept, be it for a millisecond, is slow for some milliseconds more: Python takes up
to four fifths longer, and the system's part of a request hardly does. Clients sleep while they wait for an answer.
"""

from __future__ import annotations

import os
import select
import sys

if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[1])})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # whoever has something to do goes first, at once
    sys.stdout.write("awake\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], 0)[0]:
        for _ in range(100_000):
            pass
