# SPDX-License-Identifier: GPL-2.0
"""Work in another process, which inherits sockets and all that was set up."""

import os
import pickle
import select
import signal
import sys


class Child:
    """Runs work() in a process of its own."""

    def __init__(self, work):
        here, there = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            self._run(work, there)
        os.close(there)
        self.stream = os.fdopen(here, "rb")

    @staticmethod
    def _run(work, there):
        """What the parent registered for its own end must not happen here."""
        status = 1
        try:
            with os.fdopen(there, "wb") as stream:
                pickle.dump(work(), stream)
            status = 0
        except BaseException:               # pylint: disable=broad-except
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def ended(self, seconds=0):
        """Waits so long for its end or its result."""
        return bool(select.select([self.stream], [], [], seconds)[0])

    def result(self):
        """What work() gave."""
        with self.stream:
            text = self.stream.read()
        if os.waitpid(self.pid, 0)[1]:
            raise AssertionError("a process has failed, see above")
        return pickle.loads(text)

    def kill(self):
        """Ends work that has no end of its own."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.stream.close()
