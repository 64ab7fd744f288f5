"""Process 1 of the lab's private world (see sandbox.py); not for people."""

import signal

from gwimage.lab import sandbox

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the maker, and we end with it
    sandbox.main()
