"""Runs a program on a terminal of its own and answers its questions: answers.py DIALOGUE PROGRAM...

DIALOGUE is a JSON list of pairs: a text that the program must show next, and what is typed then. Prints all that the
program showed, and ends as it did; with 1 when a question never came.
"""

import json
import os
import pty
import signal
import sys
import termios
import time

dialogue = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[2], sys.argv[2:])

shown, seen, question = b"", 0, None


def late(*_):
    fail(question)


signal.signal(signal.SIGALRM, late)
signal.alarm(60)


def more():
    """Reads what comes; False at the end."""
    global shown
    try:
        part = os.read(terminal, 65536)
    except OSError:
        part = b""
    shown += part
    return bool(part)


def fail(question):
    sys.stdout.buffer.write(shown)
    sys.exit(f"it never asked {question!r}")


def listens():
    """Whether somebody waits for keys, and does not have them shown: what is typed before may be thrown away."""
    return not termios.tcgetattr(terminal)[3] & termios.ECHO


for question, answer in dialogue:
    wanted = question.encode()
    while wanted not in shown[seen:]:
        if not more():
            fail(question)
    seen = shown.index(wanted, seen) + len(wanted)
    while not listens():
        time.sleep(0.01)
    os.write(terminal, answer.encode())
while more():
    pass
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
