# Copies a shared library of the system: copy_library.py NAME TO

import ctypes
import ctypes.util
import re
import shutil
import sys

found = ctypes.util.find_library(sys.argv[1][3:])
ctypes.CDLL(found)
with open("/proc/self/maps") as maps:
    path = re.search(r"/\S*/%s\.so\S*" % sys.argv[1], maps.read()).group(0)
shutil.copyfile(path, sys.argv[2])
