"""expect_exit.py CODE COMMAND...: runs the command, fails unless it exits with CODE.

lit's `not` accepts any failure; amp-run's exit codes each mean one thing."""

import subprocess
import sys

want = int(sys.argv[1])
got = subprocess.run(sys.argv[2:]).returncode
if got != want:
    print(f"expected exit code {want}, got {got}: {' '.join(sys.argv[2:])}", file=sys.stderr)
    sys.exit(1)
