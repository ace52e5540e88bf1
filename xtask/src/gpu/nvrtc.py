"""Compiles every .cu file of a folder to PTX with NVRTC, which needs neither GPU nor driver nor nvcc.

Usage: nvrtc.py FOLDER ARCHITECTURE...

The library comes from the package nvidia-cuda-nvrtc of this Python. Prints the log of what fails; exits 1 then.
"""

import concurrent.futures
import ctypes
import os
import pathlib
import sys
import time

import nvidia


def library():
    for folder in nvidia.__path__:
        for path in sorted(pathlib.Path(folder).glob("**/libnvrtc.so.*")):
            for builtins in path.parent.glob("libnvrtc-builtins.so.*"):
                ctypes.CDLL(str(builtins), ctypes.RTLD_GLOBAL)  # found by name from then on
            return ctypes.CDLL(str(path))
    sys.exit("nvrtc.py: this Python has no NVRTC (pip install nvidia-cuda-nvrtc)")


class Compiler:
    def __init__(self):
        self.nvrtc = library()
        self.nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p

    def check(self, status):
        if status:
            raise RuntimeError(self.nvrtc.nvrtcGetErrorString(status).decode())

    def text(self, program, size_of, get):
        size = ctypes.c_size_t()
        self.check(size_of(program, ctypes.byref(size)))
        text = ctypes.create_string_buffer(size.value)
        self.check(get(program, text))
        return text.value.decode()

    def ptx(self, name, source, architecture):
        """The PTX, or None and the log of the errors."""
        program = ctypes.c_void_p()
        self.check(
            self.nvrtc.nvrtcCreateProgram(
                ctypes.byref(program), source.encode(), name.encode(), 0, None, None
            )
        )
        options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
        array = (ctypes.c_char_p * len(options))(*options)
        failed = self.nvrtc.nvrtcCompileProgram(program, len(options), array)
        log = self.text(program, self.nvrtc.nvrtcGetProgramLogSize, self.nvrtc.nvrtcGetProgramLog)
        ptx = None
        if not failed:
            ptx = self.text(program, self.nvrtc.nvrtcGetPTXSize, self.nvrtc.nvrtcGetPTX)
        self.nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
        return ptx, log


def main():
    folder, architectures = pathlib.Path(sys.argv[1]), sys.argv[2:]
    sources = sorted(folder.glob("*.cu"))
    if not sources or not architectures:
        sys.exit(__doc__)
    compiler, failures, start = Compiler(), 0, time.time()
    jobs = [(path, architecture) for path in sources for architecture in architectures]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = pool.map(lambda job: compiler.ptx(job[0].name, job[0].read_text(), job[1]), jobs)
        for (path, architecture), (ptx, log) in zip(jobs, compiled):
            if log.strip("\0\n "):
                print(f"{path.name} {architecture}:\n{log}")
            if ptx is None:
                failures += 1
            else:
                path.with_suffix(f".{architecture}.ptx").write_text(ptx)
    count, seconds = len(jobs), time.time() - start
    print(f"nvrtc: {count - failures} of {count} compiled, {seconds:.0f} s")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
