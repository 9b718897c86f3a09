# SPDX-License-Identifier: MIT
"""The systems: how each is built, listed, run and named."""
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import rows

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "release"
OUT = ROOT / "build" / "bench"
PEERS = ROOT / "bench" / "peers"
PACKAGES = ["g++", "cmake", "ninja-build", "libcaf-dev", "libboost-context-dev", "libboost-program-options-dev",
            "nlohmann-json3-dev", "libmsgpack-cxx-dev", "libbenchmark-dev", "python3-matplotlib", "libssl-dev", "openssl"]


class Skip(Exception):
    """Why a system takes no part."""


def say(text):
    print(f"== {text}", file=sys.stderr, flush=True)


def read(*command, **more):
    """stdout of a command, or "" if it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def debian(package):
    return read("dpkg-query", "-W", "-f", "${Version}", package)


@dataclass
class System:
    key: str
    title: str
    packages: list = field(default_factory=list)
    most_rounds: int = 99
    limit: int = 120      # seconds for one process
    together: bool = False  # all rows in one process: its start takes seconds
    threads: bool = False   # W2 and W5 with other numbers of workers too

    def version(self):
        return debian(self.packages[0]) if self.packages else ""

    def build(self):
        """Makes it ready; raises Skip."""

    def rows(self):
        return []

    def command(self, names, quick, workers):
        raise NotImplementedError

    def environment(self, workers):
        return {**os.environ, "BENCH_WORKERS": str(workers), "PYTHONDONTWRITEBYTECODE": "1"}

    def parse(self, out):
        return [json.loads(line) for line in out.splitlines() if line.startswith("{") and line.endswith("}")]


class GoogleBenchmark(System):
    """bin/bench/KEY_bench, built by the target bench_peers."""

    def program(self):
        return BUILD / "bin" / "bench" / f"{self.key}_bench"

    def build(self):
        if not self.program().exists():
            raise Skip("CMake did not find what it needs")

    def rows(self):
        self.full = {}
        for line in read(str(self.program()), "--benchmark_list_tests").splitlines():
            parts = [p for p in line.split("/") if p not in ("real_time", "manual_time") and ":" not in p]
            self.full["/".join(parts)] = line
        return list(self.full)

    def command(self, names, quick, workers):
        wanted = "|".join(re.escape(self.full[n]) for n in names)
        return [str(self.program()), f"--benchmark_filter=^({wanted})$", "--benchmark_format=json",
                f"--benchmark_min_time={0.05 if quick else 0.2}"]

    def parse(self, out):
        own = {"family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads", "iterations", "real_time",
               "cpu_time"}
        for b in json.loads(out)["benchmarks"]:
            parts = [p for p in b["name"].split("/") if p not in ("real_time", "manual_time") and ":" not in p]
            yield {"name": "/".join(parts), **{k: v for k, v in b.items() if k not in own and isinstance(v, (int, float))}}


class Troupe(GoogleBenchmark):
    def version(self):
        change = read("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
        edited = read("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no", "--", "src", "include", "bench")
        return change + (" and changes" if edited else "")


class Compiler(GoogleBenchmark):
    def version(self):
        return "g++ " + read("g++", "-dumpfullversion")


class Taskflow(GoogleBenchmark):
    def build(self):
        if not os.environ.get("TASKFLOW_DIR"):
            raise Skip("there is no Debian package of it: set TASKFLOW_DIR to the folder that holds taskflow/taskflow.hpp")
        super().build()

    def version(self):
        text = (Path(os.environ["TASKFLOW_DIR"]) / "taskflow" / "taskflow.hpp").read_text()
        parts = [re.search(rf"#define TF_{part}_VERSION (\d+)", text) for part in ("MAJOR", "MINOR", "PATCH")]
        return ".".join(p[1] for p in parts if p)


class Lines(System):
    """A program that takes rows and prints a line of JSON for each; without rows it names them."""

    def start(self):
        raise NotImplementedError

    def rows(self):
        return [r for r in read(*self.start(), env=self.environment(2)).splitlines() if r.startswith("W")]

    def command(self, names, quick, workers):
        return [*self.start(), *names]


@dataclass
class Nodes(Lines):
    """bin/bench/BINARY, two processes: the rows W16 and W17."""
    binary: str = ""

    def build(self):
        if not (BUILD / "bin" / "bench" / self.binary).exists():
            raise Skip("CMake did not find what nodes need")

    def version(self):
        return TROUPE.version() if self.key == "troupe" else super().version()

    def start(self):
        return [str(BUILD / "bin" / "bench" / self.binary)]


class Erlang(Lines):
    def build(self):
        OUT.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["erlc", "-o", str(OUT), str(PEERS / "erlang_bench.erl")], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"erlc: {done.stdout.strip()[-300:]}")

    def start(self):
        return ["erl", "-noshell", "-noinput", "+S", "2", "+P", "2000000", "-pa", str(OUT), "-run", "erlang_bench", "main"]


class Dask(Lines):
    def start(self):
        return ["/usr/bin/python3", str(PEERS / "dask_bench.py")]


class Ray(Lines):
    """In a virtual environment of its own, which may be thrown away."""
    venv = OUT / "ray"

    def build(self):
        if (self.venv / "bin" / "ray").exists():
            return
        say("installing ray[cpp] from PyPI (a minute or two)")
        shutil.rmtree(self.venv, ignore_errors=True)
        for command in (["/usr/bin/python3", "-m", "venv", str(self.venv)],
                        [str(self.venv / "bin" / "pip"), "install", "--quiet", "ray[cpp]"]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                why = (done.stderr.strip() or done.stdout.strip()).splitlines()
                raise Skip(f"`{Path(command[0]).name} {' '.join(command[1:3])}`: {why[-1] if why else 'failed'}")

    def version(self):
        return read(str(self.venv / "bin" / "python"), "-c", "import ray; print(ray.__version__)")

    def environment(self, workers):
        return {**super().environment(workers), "PATH": f"{self.venv / 'bin'}:{os.environ['PATH']}", "RAY_AUTH_MODE": "disabled",
                "RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}

    def start(self):
        return [str(self.venv / "bin" / "python"), str(PEERS / "ray_bench.py")]


class RayCpp(Ray):
    def build(self):
        super().build()
        package = read(str(self.venv / "bin" / "python"), "-c", "import ray, os; print(os.path.dirname(ray.__file__))")
        cpp = Path(package) / "cpp"
        if not (cpp / "include").exists():
            raise Skip("ray[cpp] has no C++ headers here")
        # Ray's library has std::string's old ABI. The compiler itself: a compiler cache would not see the flag's effect.
        compiler = next(g for g in ("/usr/bin/g++", "g++") if shutil.which(g))
        common = [compiler, "-O2", "-std=c++17", "-D_GLIBCXX_USE_CXX11_ABI=0", "-w", f"-I{cpp / 'include'}",
                  str(PEERS / "ray_cpp_bench.cpp"), f"-L{cpp / 'lib'}", "-lray_api", f"-Wl,-rpath,{cpp / 'lib'}", "-pthread"]
        for more in (["-shared", "-fPIC", "-o", str(OUT / "libray_cpp_bench.so")], ["-o", str(OUT / "ray_cpp_bench")]):
            done = subprocess.run(common + more, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Skip(f"its program does not compile: {done.stderr.strip()[-300:]}")

    def rows(self):
        return [r for r in read(str(OUT / "ray_cpp_bench"), env=self.environment(2)).splitlines() if r.startswith("W")]

    def start(self):
        return [str(OUT / "ray_cpp_bench"), f"--ray_code_search_path={OUT / 'libray_cpp_bench.so'}"]


class Prototype(System):
    """A prototype of the hot path: FOLDER/full_path_actors.cpp, which prints a line for each workload."""
    LINES = {
        "W1": [("W1_flood", r"^W1 .*?([\d.]+) ns")],
        "W2": [("W2_flood_from_tasks", r"^W2 .*?([\d.]+) ns")],
        "W3": [("W3_chain", r"^W3 .*?([\d.]+) ns")],
        "W4": [("W4_round_trip", r"^W4 submit.*?([\d.]+) ns"), ("W4_round_trip_asleep", r"^W4 all.*?([\d.]+) ns")],
        "W5": [("W5_nested_fib", r"^W5 .*?([\d.]+) ns \(")],
        "W6": [("W6_ready_inputs", r"^W6 10k ready.*?([\d.]+) ns"), ("W6_get", r"^W6 get.*?([\d.]+) ns")],
        "W7": [("W7_pending", r"^W7 .*?([\d.]+) ns submit, ([\d.]+) ns release\+drain, (\d+) B")],
    }
    folder = None

    def version(self):
        return str(Path(self.folder).resolve())

    def build(self):
        source = Path(self.folder) / "full_path_actors.cpp"
        if not source.exists():
            raise Skip(f"there is no full_path_actors.cpp in {self.folder}")
        OUT.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["g++", "-std=c++20", "-O2", str(source), "-o", str(OUT / "prototype"), "-lcaf_core",
                               "-lboost_context", "-lpthread"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"it does not compile: {done.stderr.strip()[-300:]}")

    def rows(self):
        return [name for lines in self.LINES.values() for name, _ in lines]

    def environment(self, workers):
        return {**os.environ, "WORKERS": str(workers)}

    def command(self, names, quick, workers):
        return [str(OUT / "prototype"), names[0].split("_")[0], "1" if quick else "5"]

    def parse(self, out):
        for name, pattern in (x for lines in self.LINES.values() for x in lines):
            found = re.search(pattern, out, re.M)
            if not found:
                continue
            if name == "W7_pending":
                submit, drain, size = map(float, found.groups())
                yield {"name": name, "ns/task": submit + drain, "submit": submit, "drain": drain, "bytes/task": size}
            else:
                yield {"name": name, "ns/task": float(found[1])}


class Metg(System):
    """bin/bench/metg_KEY, where it was built: the rows W11."""
    peaks = {}

    @staticmethod
    def all():
        return [Metg(p.name[len("metg_"):], p.name) for p in sorted((BUILD / "bin" / "bench").glob("metg_*"))]

    def rows(self):
        return [f"W11_{p}/{w}" for p, w in rows.METG]

    def peak(self, workers):  # one for all systems: the best of five tries
        if workers not in self.peaks:
            program = str(BUILD / "bin" / "bench" / "metg_troupe")
            tries = [read(program, "--measure-peak", env=self.environment(workers)) for _ in range(5)]
            self.peaks[workers] = max(json.loads(out.splitlines()[-1])["peak_gflops"] for out in tries)
        return self.peaks[workers]

    def command(self, names, quick, workers):
        pattern, width = names[0][len("W11_"):].rsplit("/", 1)
        return [str(BUILD / "bin" / "bench" / f"metg_{self.key}"), pattern, width, "--peak", str(self.peak(workers))]


TROUPE = Troupe("troupe", "Troupe", threads=True)
PEER_SYSTEMS = [
    GoogleBenchmark("caf", "raw CAF", ["libcaf-dev"], threads=True),
    GoogleBenchmark("caf_lean", "lean CAF", ["libcaf-dev"], most_rounds=3),
    GoogleBenchmark("tbb", "oneTBB", ["libtbb-dev"], threads=True),
    Compiler("openmp", "OpenMP (gomp)", threads=True),
    Taskflow("taskflow", "Taskflow", threads=True),
    GoogleBenchmark("starpu", "StarPU", ["libstarpu-dev", "pkg-config"], most_rounds=3),
    Compiler("std_async", "std::async", most_rounds=3),
    Compiler("std_promise", "std::promise pool", most_rounds=3),
    Erlang("erlang", "Erlang", ["erlang-base"], most_rounds=3),
    Dask("dask", "Dask", ["python3-distributed", "python3-dask"], most_rounds=1, limit=300, together=True),
    Ray("ray", "Ray", ["python3-venv"], most_rounds=1, limit=400, together=True),
    RayCpp("ray_cpp", "Ray C++", ["python3-venv"], most_rounds=1, limit=400, together=True),
]
NODES = [Nodes("troupe", "Troupe", binary="node_bench"), Nodes("caf", "raw CAF", ["libcaf-dev"], binary="caf_node_bench")]
PROTOTYPE = Prototype("prototype", "prototype")
TITLES = {s.key: s.title for s in [TROUPE, PROTOTYPE, *PEER_SYSTEMS]} | {"caf_columns": "raw CAF, an actor per column"}
