#!/usr/bin/env python3
"""Load on a server: many clients that post small photographs, while it is killed (SIGKILL) now and then and started again. Every job that was accepted must end once, with the result that `run`
makes, and each client's jobs in the order in which they came. Some connections meanwhile say nothing, or read nothing.

    Tools/serve/load.py PROGRAMS [--clients 200] [--jobs 2000] [--kills 5]

PROGRAMS is the folder with the built `deblurdiff` and `seeded-checkpoint`: .build/release."""
import argparse
import collections
import http.client
import json
import os
import pathlib
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def png(number, side=24):
    rows = b"".join(b"\0" + bytes((x * x * (number + 3) + y * 7 + c * 50) % 256 for x in range(side) for c in range(3)) for y in range(side))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Server:
    """The process, started again after each kill."""

    def __init__(self, program, model, data, port):
        self.command = [program, "serve", "--model", model, "--data", data, "--port", str(port), "--quiet", "--max-queue", "100000", "--threads", "1"]
        self.port = port
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command)
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                    return
            except OSError:
                if self.process.poll() is not None:
                    sys.exit("the server does not start")
                time.sleep(0.05)
        sys.exit("the server is not ready")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def resident(self):
        try:
            return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        except (OSError, IndexError):
            return 0


class Client(threading.Thread):
    """One address, which posts jobs and asks for them until all have ended."""

    def __init__(self, number, port, photographs, count, deadline):
        super().__init__(daemon=True)
        self.address = f"127.1.{number // 250}.{number % 250 + 1}"
        self.port, self.photographs, self.count, self.number, self.deadline = port, photographs, count, number, deadline
        self.ids, self.latencies, self.ended, self.retries, self.problems = [], [], {}, 0, []
        self.connection = None

    def ask(self, method, path, body=None, headers={}):
        """Until there is an answer: the server may just be gone."""
        while time.time() < self.deadline:
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(self.address, 0))
                start = time.perf_counter()
                self.connection.request(method, path, body=body, headers=headers)
                answer = self.connection.getresponse()
                data = answer.read()
                return answer.status, data, time.perf_counter() - start
            except (OSError, http.client.HTTPException):
                self.connection = None
                self.retries += 1
                time.sleep(0.1)
        raise TimeoutError

    def run(self):
        try:
            for index in range(self.count):
                which = (self.number + index) % len(self.photographs)
                key = f"{self.number}-{index}"
                status, data, _ = self.ask("POST", f"/v1/jobs?name={key}.png&steps=3", self.photographs[which][0], {"Idempotency-Key": key})
                if status != 202:
                    self.problems.append(f"{key}: {status} {data[:200]}")
                    continue
                self.ids.append((json.loads(data)["id"], which))
            waiting = collections.deque(self.ids)
            while waiting:
                job, which = waiting[0]
                status, data, seconds = self.ask("GET", f"/v1/jobs/{job}")
                self.latencies.append(seconds)
                answer = json.loads(data)
                if status != 200 or answer["state"] in ("failed", "cancelled"):
                    self.problems.append(f"{job}: {status} {data[:300]}")
                    waiting.popleft()
                elif answer["state"] == "done":
                    waiting.popleft()
                    self.ended[job] = answer["ended"]
                    if self.ask("GET", f"/v1/jobs/{job}/result")[1] != self.photographs[which][1]:
                        self.problems.append(f"{job}: the result is not that of run")
                else:
                    time.sleep(0.5)
        except TimeoutError:
            self.problems.append(f"client {self.number}: no end in time")


def nuisances(port, stop):
    """Connections that say half a request, and such that read nothing of what they ask for."""
    while not stop.is_set():
        sockets = []
        for number in range(60):
            try:
                connection = socket.create_connection(("127.0.0.1", port), timeout=1)
                if number % 2:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                    connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
                else:
                    connection.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nhalf")
                sockets.append(connection)
            except OSError:
                break
        stop.wait(10)
        for connection in sockets:
            connection.close()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1200, help="for all of it")
    arguments = parser.parse_args()
    program = str(arguments.programs / "deblurdiff")
    with tempfile.TemporaryDirectory() as folder:
        config, model = ROOT / "Tests/Fixtures/configs/brief.yaml", f"{folder}/tiny.ddiff.safetensors"
        subprocess.run([arguments.programs / "seeded-checkpoint", "--config", config, "--seed", "1", f"{folder}/checkpoint.safetensors"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([program, "convert", f"{folder}/checkpoint.safetensors", "--config", config, "-o", model], check=True, stdout=subprocess.DEVNULL)
        photographs = []
        for number in range(8):
            pathlib.Path(f"{folder}/{number}.png").write_bytes(png(number))
            subprocess.run([program, "run", f"{folder}/{number}.png", "--model", model, "-o", f"{folder}/{number}-out.png", "--steps", "3", "--no-resume", "--quiet", "--threads", "1"], check=True)
            photographs.append((png(number), pathlib.Path(f"{folder}/{number}-out.png").read_bytes()))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Server(program, model, f"{folder}/data", port)
        server.start()
        begin = time.time()
        each = arguments.jobs // arguments.clients
        clients = [Client(number, port, photographs, each, begin + arguments.seconds) for number in range(arguments.clients)]
        stop = threading.Event()
        threading.Thread(target=nuisances, args=(port, stop), daemon=True).start()
        for client in clients:
            client.start()
        kills, memory = 0, []
        while any(client.is_alive() for client in clients):
            time.sleep(0.5)
            memory.append(server.resident())
            done = sum(len(client.ended) for client in clients)
            # Spread over the work.
            if kills < arguments.kills and done >= (kills + 1) * arguments.jobs // (arguments.kills + 2):
                server.kill()
                kills += 1
                print(f"killed with {done} jobs done", flush=True)
                server.start()
        stop.set()
        seconds = time.time() - begin
        answered = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/jobs?limit=200").read())
        ids = [job["id"] for job in answered["jobs"]]
        while answered["next"]:
            answered = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}{answered['next']}").read())
            ids += [job["id"] for job in answered["jobs"]]
        server.process.terminate()
        status = server.process.wait()
        accepted = {job for client in clients for job, _ in client.ids}
        problems = [problem for client in clients for problem in client.problems]
        problems += [f"the server knows {len(ids)} jobs, and {len(accepted)} were accepted"] if sorted(ids) != sorted(accepted) else []
        for client in clients:
            ends = [client.ended[job] for job, _ in client.ids if job in client.ended]
            problems += [f"client {client.number}: jobs out of order"] if ends != sorted(ends) else []
        problems += [f"the server ended with status {status}"] if status else []
        latencies = [seconds for client in clients for seconds in client.latencies]
        last = memory[len(memory) // 2:]
        print(f"{len(accepted)} jobs accepted of {arguments.clients} clients, {sum(len(client.ended) for client in clients)} done, {kills} kills, {seconds:.0f} s, {sum(client.retries for client in clients)} retries")
        print(f"GET /v1/jobs/ID, {len(latencies)} times: median {1000 * statistics.median(latencies):.1f} ms, p99 {1000 * percentile(latencies, 0.99):.1f} ms, most {1000 * max(latencies):.0f} ms")
        print(f"memory: most {max(memory) / 1e6:.0f} MB, in the second half from {min(last) / 1e6:.0f} to {max(last) / 1e6:.0f} MB")
        print("\n".join(problems[:20]) or "nothing lost, nothing twice, all results right, in order")
        sys.exit(bool(problems))


main()
