"""Users who send one reading, wait 1 to 3 s and send the next: the load of `make load`, for those who use Locust.

    make locust USERS=1000 URL=http://127.0.0.1:8080 TOKEN=...

The users begin as those of `make load` do, 500 of them a second and over 5 s at least, and go on for DURATION (60 s). Without a TOKEN one
is asked for as .local/stack.json tells, which `make run` writes.

Two things differ from `make load`. A user of Locust waits after the answer has come, so that a slow service is sent less, and its latency
counts from the sending. And Locust takes much more of the processors: where it shares them with the service, its latencies are its own
as well.
"""

import base64
import json
import os
import pathlib
import sys
import time
import urllib.parse
import urllib.request

from locust import FastHttpUser, LoadTestShape, between, events, task
from locust.runners import WorkerRunner

USERS = int(os.environ.get("USERS") or 1000)
DURATION = float((os.environ.get("DURATION") or "60s").removesuffix("s"))  # in seconds
RAMP = max(USERS / 500, 5.0)


def find_token() -> str:
    """The TOKEN of the environment, or one of the local system."""
    if token := os.environ.get("TOKEN"):
        return token
    path = pathlib.Path(__file__).parents[2] / ".local" / "stack.json"
    if not path.exists():
        sys.exit("no local system runs: there is no .local/stack.json; start it with make run, or give a TOKEN")
    stack = json.loads(path.read_text())
    basic = base64.b64encode(f"{stack['clientId']}:{stack['clientSecret']}".encode()).decode()
    request = urllib.request.Request(
        stack["tokenUrl"],
        data=urllib.parse.urlencode({"grant_type": "client_credentials"}).encode(),
        headers={"Authorization": f"Basic {basic}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["access_token"]
    except OSError as error:
        sys.exit(f"the local system of .local/stack.json gives no token, and perhaps no longer runs ({error}); start it with make run")


class Sender(FastHttpUser):
    """A user has a client of its own, and with it a connection of its own."""

    wait_time = between(1, 3)
    connection_timeout = network_timeout = 30.0
    token = ""
    count = 0

    def on_start(self) -> None:
        if not Sender.token:
            Sender.token = find_token()
        Sender.count += 1
        # Several processes may share the users, each with a count of its own.
        self.equipment = f"locust-{int(time.time()):x}-{os.getpid()}-{Sender.count:06d}"
        self.sent = 0

    @task
    def send_reading(self) -> None:
        nanoseconds = time.time_ns()
        seconds, rest = divmod(nanoseconds, 10**9)
        timestamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"
        self.sent += 1
        with self.client.post(
            "/sensor-data",
            data=f'{{"equipmentId":"{self.equipment}","timestamp":"{timestamp}","value":{self.sent % 100}.25}}',
            headers={"Authorization": f"Bearer {Sender.token}", "Content-Type": "application/json"},
            catch_response=True,
        ) as answer:
            if answer.status_code != 201:
                answer.failure(f"status {answer.status_code}")


class Shape(LoadTestShape):
    """As `make load`: a ramp, then all users for the measured time. What came in the ramp is not counted."""

    measured = False

    def tick(self) -> tuple[int, float] | None:
        elapsed = self.get_run_time()
        if elapsed > RAMP + DURATION:
            return None
        if elapsed > RAMP and not self.measured:
            self.measured = True
            if self.runner:
                self.runner.stats.reset_all()
        return USERS, USERS / RAMP


@events.quitting.add_listener
def print_figures(environment, **_kwargs) -> None:
    """The figures for programs, one "name value unit" a line."""
    if isinstance(environment.runner, WorkerRunner):
        return  # its numbers are with the master
    total = environment.stats.total
    print(f"locust_failed {total.num_failures} requests")
    print(f"locust_rps {(total.num_requests - total.num_failures) / DURATION:.1f} requests/s")
    print(f"locust_p50_ms {total.get_response_time_percentile(0.5):.0f} ms")
    print(f"locust_p99_ms {total.get_response_time_percentile(0.99):.0f} ms")
