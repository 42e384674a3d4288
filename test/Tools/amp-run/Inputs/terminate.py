"""terminate.py SIGNAL COMMAND...: sends the signal once the file of --metrics has a line; exits as the command does."""

import os
import subprocess
import sys
import time

signal, command = int(sys.argv[1]), sys.argv[2:]
metrics = next(word.split("=", 1)[1] for word in command if word.startswith("--metrics="))
if os.path.exists(metrics):
    os.remove(metrics)
process = subprocess.Popen(command)
while process.poll() is None and not (os.path.exists(metrics) and os.path.getsize(metrics)):
    time.sleep(0.01)
process.send_signal(signal)
sys.exit(process.wait())
