"""The C API through ctypes: what comes out is what amp-opt writes, and an error is a
value.

    use_ctypes.py LIBRARY GRAPH.json REWRITTEN.json REPORT.json
"""

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor


class StringRef(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("length", ctypes.c_size_t)]

    def bytes(self):
        return ctypes.string_at(self.data, self.length)


class RawStringRef(ctypes.Structure):
    """As returned: c_char_p would stop at a zero."""
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    def bytes(self):
        return ctypes.string_at(self.data, self.length)


class AmpFailure(Exception):
    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Amp:
    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        for name in ("ampOptionsCreate", "ampOptionsSetTarget", "ampOptionsSetPolicy", "ampOptionsAddOpModels",
                     "ampRewriteGraph", "ampRewriteModuleText"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        for name in ("ampErrorGetMessage", "ampTextGet", "ampReportGetJson", "ampReportGetSummary"):
            getattr(self.lib, name).restype = RawStringRef

    @staticmethod
    def text(value):
        data = value if isinstance(value, bytes) else value.encode()
        return StringRef(data, len(data))

    def check(self, error):
        if error:
            error = ctypes.c_void_p(error)
            failure = AmpFailure(self.lib.ampErrorGetKind(error), self.lib.ampErrorGetMessage(error).bytes().decode())
            self.lib.ampErrorDestroy(error)
            raise failure

    def rewrite(self, graph, **settings):
        """The rewritten text, the report, and its summary."""
        options = ctypes.c_void_p(self.lib.ampOptionsCreate())
        result, report = ctypes.c_void_p(), ctypes.c_void_p()
        try:
            for key, value in settings.items():
                self.check(getattr(self.lib, "ampOptions" + key)(options, self.text(value)))
            self.check(self.lib.ampRewriteGraph(self.text(graph), options, ctypes.byref(result),
                                                ctypes.byref(report)))
            return (self.lib.ampTextGet(result).bytes(), self.lib.ampReportGetJson(report).bytes(),
                    self.lib.ampReportGetSummary(report).bytes().decode())
        finally:
            self.lib.ampTextDestroy(result)
            self.lib.ampReportDestroy(report)
            self.lib.ampOptionsDestroy(options)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def main(library, graph, rewritten, report):
    amp = Amp(library)
    source = read(graph)
    text, decisions, summary = amp.rewrite(source)
    if text != read(rewritten) or decisions != read(report):
        raise SystemExit("failed: not what amp-opt writes")
    with ThreadPoolExecutor(8) as pool:
        for again in pool.map(lambda _: amp.rewrite(source), range(16)):
            if again != (text, decisions, summary):
                raise SystemExit("failed: threads differ")
    try:
        amp.rewrite(b"{}")
    except AmpFailure as failure:
        if failure.kind != 1 or "<input>:1:1: error" not in str(failure):
            raise
    else:
        raise SystemExit("failed: no error")
    try:
        amp.rewrite(source, SetTarget="int8")
    except AmpFailure as failure:
        if failure.kind != 2:
            raise
    else:
        raise SystemExit("failed: no error for an option")
    print("the same as amp-opt: " + summary)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
