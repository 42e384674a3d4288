# Installs a build folder and builds the projects of docs/examples against what was
# installed, and nothing else: each in a folder of its own, after the prefix has
# been moved to another place.
#
#   consumers.py --root=DIR --build=DIR [--model=FILE.json]
#
# FILE.json is a rewritten graph file for the training loop, where the build folder
# has no amp-opt.

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile


def run(command, expect=0, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500, **options)
    if (done.returncode == 0) != (expect == 0):
        raise SystemExit("exit %d: %s\n%s\n%s" % (done.returncode, " ".join(command), done.stdout[-3000:],
                                                  done.stderr[-6000:]))
    return done


def check(condition, text):
    if not condition:
        raise SystemExit("failed: " + text)


def cache(build, name):
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as f:
        return re.search(r"^%s:\w+=(.*)$" % name, f.read(), re.M).group(1)


class Installed:
    def __init__(self, args, directory):
        self.root, self.build, self.directory = os.path.abspath(args.root), os.path.abspath(args.build), directory
        first = os.path.join(directory, "first")
        self.prefix = os.path.join(directory, "prefix")
        run(["cmake", "--install", self.build, "--prefix", first])
        os.rename(first, self.prefix)

    def path(self, *parts):
        return os.path.join(self.prefix, *parts)

    def check_package(self):
        """No file of the package names the folders that it was built from."""
        checked = 0
        for folder, _, names in os.walk(self.path("lib", "cmake")):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    text = f.read()
                checked += 1
                for place in (self.root + "/", self.build + "/"):
                    check(place not in text, "%s names %s" % (name, place))
        check(checked >= 4, "the package has its files")
        for wanted in ("share/amp/amp-graph.schema.json", "share/amp/policies/default.json",
                       "share/amp/examples/digits_mlp.json", "share/amp/examples/training-loop/main.cpp",
                       "share/amp/amp-op-models.schema.json", "share/man/man1/amp-run.1",
                       "include/amp/OpSet/OpSet.h", "include/amprt/Session.h", "bin/amp-run"):
            check(os.path.exists(self.path(wanted)), wanted + " is installed")
        schema = os.path.join(self.path("share/amp/examples"), "../amp-graph.schema.json")
        with open(self.path("share/amp/examples/digits_mlp.json"), encoding="utf-8") as f:
            check('"$schema": "../amp-graph.schema.json"' in f.read() and os.path.exists(schema),
                  "an installed example finds its schema")

    def project(self, source, name, *flags, expect=0):
        """Configures and builds a copy of a project, and returns its program."""
        folder = os.path.join(self.directory, name)
        shutil.copytree(source, folder)
        build = os.path.join(folder, "build")
        done = run(["cmake", "-S", folder, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                    "-DCMAKE_PREFIX_PATH=" + self.prefix] + list(flags), expect=expect)
        if expect:
            return done.stderr
        run(["ninja", "-C", build])
        return os.path.join(build, name)

    def projects(self, compiler):
        """The example projects that this installation can serve."""
        found = []
        for name in sorted(os.listdir(self.path("share/amp/examples"))):
            lists = self.path("share/amp/examples", name, "CMakeLists.txt")
            if os.path.exists(lists):
                with open(lists, encoding="utf-8") as f:
                    if compiler or "COMPONENTS Compiler" not in f.read():
                        found.append(name)
        return found

    def example(self, name, *flags):
        return self.project(self.path("share/amp/examples", name), name, *flags)


def use_training_loop(program, installed, model):
    text = run([program, model]).stdout
    accuracy = float(re.search(r"^accuracy ([0-9.]+)$", text, re.M).group(1))
    # 0.77 after this one epoch; chance is 0.1.
    check(accuracy > 0.3 and "loss scale 32768" in text, "the loop trains: " + text)
    message = run([program, os.path.join(installed.directory, "absent.json")], expect=1).stderr
    check("absent.json" in message, "a missing file is named: " + message)


def use_rewrite_module(program, installed, _):
    done = run([program, installed.path("share/amp/examples/rewrite-module/model.mlir")])
    check(len(re.findall(r"linalg\.matmul ins\(.*xbf16>", done.stdout)) == 2, "both products: " + done.stdout)
    check(re.search(r"return %\w+ : tensor<32x10xf32>", done.stdout), "the result is float32")
    check("lowered 6 of 7 nodes to bfloat16" in done.stderr, "the summary: " + done.stderr)


def use_embedding(program, installed, _):
    """The compiler's own tests, by its own lit suite."""
    text = run(["ninja", "-C", os.path.dirname(program), "check"]).stdout
    check(re.search(r"Passed *: *2 \(100", text), "the compiler's tests pass: " + text)


def use_rewrite_graph(program, installed, _):
    example = installed.path("share/amp/examples/digits_mlp.json")
    done = run([program, example])
    wanted = run([installed.path("bin/amp-opt"), example, "--target=bfloat16"])
    check(done.stdout == wanted.stdout and "to bfloat16" in done.stderr, "C writes what amp-opt writes")
    message = run([program, installed.path("share/amp/policies/default.json")], expect=1).stderr
    check("default.json:1:1: error: " in message or "default.json:2:" in message, "an error is placed: " + message)
    if shutil.which("pkg-config"):
        environment = dict(os.environ, PKG_CONFIG_PATH=installed.path("lib/pkgconfig"))
        flags = run(["pkg-config", "--cflags", "--libs", "amp-c"], env=environment).stdout.split()
        other = program + "-pkg-config"
        run(["cc", installed.path("share/amp/examples/rewrite-graph/main.c"), "-o", other] + flags)
        done = run([other, example], env=dict(os.environ, LD_LIBRARY_PATH=installed.path("lib")))
        check(done.stdout == wanted.stdout, "and so does what pkg-config links")


# What is done with a project's program; the others are built.
USES = {"embedding": use_embedding, "rewrite-graph": use_rewrite_graph, "training-loop": use_training_loop, "rewrite-module": use_rewrite_module}


def find_package(installed, name, arguments, expect=0):
    """What find_package says to a project with no sources."""
    folder = os.path.join(installed.directory, "source-" + name)
    os.mkdir(folder)
    with open(os.path.join(folder, "CMakeLists.txt"), "w", encoding="utf-8") as f:
        f.write("cmake_minimum_required(VERSION 3.25)\nproject(%s LANGUAGES C CXX)\nfind_package(Amp %s)\n"
                "file(WRITE ${CMAKE_BINARY_DIR}/found.txt "
                "\"${Amp_FOUND} ${Amp_VERSION} ${MLIR_FOUND} ${Amp_DATA_DIR}\")\n" % (name, arguments))
    build = os.path.join(folder, "build")
    done = run(["cmake", "-S", folder, "-B", build, "-G", "Ninja", "-DCMAKE_PREFIX_PATH=" + installed.prefix],
               expect=expect)
    if expect:
        return " ".join(done.stderr.split())
    with open(os.path.join(build, "found.txt"), encoding="utf-8") as f:
        return f.read()


def main():
    parser = argparse.ArgumentParser(description="projects that use an installed Amp")
    parser.add_argument("--root", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--model")
    args = parser.parse_args()
    compiler = cache(args.build, "AMP_BUILD_COMPILER").upper() in ("ON", "1", "TRUE", "YES")
    launcher = []
    if shutil.which("ccache"):
        launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]

    with tempfile.TemporaryDirectory() as directory:
        installed = Installed(args, directory)
        installed.check_package()
        programs = sorted(os.listdir(installed.path("bin")))

        found = find_package(installed, "runtime", "REQUIRED COMPONENTS Runtime")
        check(re.match(r"1 1\.\d+\.\d+  ", found) and found.endswith(installed.path("share/amp")),
              "the runtime is found without a look at MLIR: " + found)
        text = find_package(installed, "version", "99 REQUIRED", expect=1)
        check("compatible with requested version \"99\"" in text, "version 99 is refused: " + text)
        text = find_package(installed, "part", "REQUIRED COMPONENTS Kompiler", expect=1)
        check("there is no component 'Kompiler', only Compiler and Runtime" in text, "an unknown component is refused: " + text)

        model = args.model
        if compiler:
            check("amp-opt" in programs, "amp-opt is installed")
            model = os.path.join(directory, "digits.float16.json")
            run([installed.path("bin/amp-opt"), installed.path("share/amp/examples/digits_mlp.json"), "-o", model])
            found = find_package(installed, "all", "1.0 REQUIRED")
            check(found.split()[2] == "1", "without COMPONENTS the compiler is found too: " + found)
        else:
            check("amp-opt" not in programs, "a build of the runtime installs no compiler")
            text = find_package(installed, "compiler", "REQUIRED COMPONENTS Compiler", expect=1)
            check("built with -DAMP_BUILD_COMPILER=OFF" in text, "the missing compiler is named: " + text)

        names = installed.projects(compiler)
        check(len(names) >= 1 + compiler, "the examples have projects")
        for name in names:
            program = installed.example(name, *launcher)
            if name in USES and (model or name not in ("training-loop", "step-loop")):
                USES[name](program, installed, model)
        print("installed %s; built against it: %s" % (", ".join(programs), ", ".join(names)))


if __name__ == "__main__":
    sys.exit(main())
