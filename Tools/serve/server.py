"""A server that a test starts, kills and starts again."""
import pathlib
import re
import signal
import subprocess
import threading


class Server:
    def __init__(self, program, model, data, arguments=()):
        self.command = [str(program), "serve", "--data", str(data), *(["--model", str(model)] if model else []), *arguments]
        self.address, self.lines = None, []
        self.start(0)

    def start(self, port):
        self.process = subprocess.Popen([*self.command, "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"http://[\w.\[\]:]+:(\d+)", line)
            if found:
                self.address = found[0]
                break
        else:
            raise SystemExit(f"{' '.join(self.command)} ended without an address:\n{''.join(self.lines)}")
        # Or the pipe fills up and the server waits.
        threading.Thread(target=self.lines.extend, args=(self.process.stdout,), daemon=True).start()

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not end within 20 s of SIGTERM")
