"""Users who send one reading, wait 1 to 3 s and send the next: the load of `make load`, for those who use Locust.

    make locust USERS=1000 URL=http://127.0.0.1:8080 TOKEN=...

The users begin as those of `make load` do, 500 of them a second and over 5 s at least, and go on for DURATION. `make locust` judges what is
wanted, and finds a token where none is given. By itself this file needs a TOKEN, and takes USERS and a DURATION in seconds, such as 60s:

    TOKEN=... USERS=1000 DURATION=60s locust --locustfile test/load/locustfile.py --headless --host https://api.example.com

Two things differ from `make load`. A user of Locust waits after the answer has come, so that a slow service is sent less, and its latency
counts from the sending. And Locust takes much more of the processors: where it shares them with the service, its latencies are its own
as well.
"""

import os
import re
import sys
import time

from locust import FastHttpUser, LoadTestShape, between, events, runners, task
from locust.runners import WorkerRunner

# How many seconds a worker may give no sign of life. Locust takes 3, and loses its workers on a busy machine.
runners.HEARTBEAT_LIVENESS = 30


def number(name: str, otherwise: str, form: str, wanted: str) -> float:
    """A number of the environment, of which the form has the digits as its group."""
    text = os.environ.get(name) or otherwise
    found = re.fullmatch(form, text)
    if not found or float(found[1]) <= 0:
        sys.exit(f"locustfile: {name} must be {wanted}, got {text!r}")
    return float(found[1])


USERS = int(number("USERS", "1000", r"(\d+)", "a number of users such as 1000"))
DURATION = number("DURATION", "60s", r"(\d+(?:\.\d+)?)s", "a number of seconds such as 60s")
TOKEN = os.environ.get("TOKEN", "")
if not TOKEN:
    sys.exit("locustfile: TOKEN must be an access token of the service; make locust finds one for the local system")
RAMP = max(USERS / 500, 5.0)
# What requests are counted as; the first is the path too.
STORED, FAILED = "/sensor-data", "/sensor-data (failed)"


class Sender(FastHttpUser):
    """A user has a client of its own, and with it a connection of its own."""

    wait_time = between(1, 3)
    connection_timeout = network_timeout = 30.0
    count = 0
    requests = 0  # that were begun by this process, in the ramp too

    def on_start(self) -> None:
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
        Sender.requests += 1
        with self.client.post(
            STORED,
            data=f'{{"equipmentId":"{self.equipment}","timestamp":"{timestamp}","value":{self.sent % 100}.25}}',
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
            catch_response=True,
        ) as answer:
            if answer.status_code != 201:
                answer.failure(f"status {answer.status_code}" if answer.status_code else "no answer")
                answer.request_meta["name"] = FAILED  # so that its time counts among no latencies


class Shape(LoadTestShape):
    """As `make load`: a ramp, then all users for the measured time. What came in the ramp is not counted."""

    measured = False

    def tick(self) -> tuple[int, float] | None:
        note_lost(self.runner)
        elapsed = self.get_run_time()
        if elapsed > RAMP + DURATION:
            return None
        if elapsed > RAMP and not self.measured:
            self.measured = True
            if self.runner:
                self.runner.stats.reset_all()
        return USERS, USERS / RAMP


requests_of: dict[str, int] = {}  # each worker's Sender.requests, by its name
lost: set[str] = set()  # the names of workers that Locust has lost; it forgets them itself after a minute


@events.report_to_master.add_listener
def report_requests(data, **_kwargs) -> None:
    data["requests"] = Sender.requests


@events.worker_report.add_listener
def note_requests(client_id, data, **_kwargs) -> None:
    requests_of[client_id] = data["requests"]


def note_lost(runner) -> None:
    lost.update(worker.id for worker in getattr(getattr(runner, "clients", None), "missing", ()))


def what_is_wrong(stored: int, finished: int) -> str:
    """A sentence where so many requests that were stored, of so many that came to an end in the measured time, are not what was wanted."""
    if lost:
        missing = f"{len(lost)} of Locust's workers gave no sign of life for {runners.HEARTBEAT_LIVENESS} s and were lost: this machine is too busy"
        return f"{missing}, and what they sent is not counted"
    if stored:
        return ""
    if finished or sum(requests_of.values()) + Sender.requests:
        return "nothing was stored: the service did not answer, or refused everything"
    return "no request was sent, which says nothing about the service: Locust did not come to it on this machine, which is too busy"


@events.quitting.add_listener
def print_figures(environment, **_kwargs) -> None:
    """The figures for programs, one "name value unit" a line."""
    if isinstance(environment.runner, WorkerRunner):
        return  # its numbers are with the master
    stored = environment.stats.get(STORED, "POST")
    note_lost(environment.runner)
    wrong = what_is_wrong(stored.num_requests, environment.stats.total.num_requests)
    if wrong:
        print(f"locustfile: {wrong}", file=sys.stderr)
    print(f"locust_failed {environment.stats.total.num_failures} requests")
    # Of the time from which the requests are, up to the last one: workers report every 3 s, and DURATION says nothing of when.
    print(f"locust_rps {stored.total_rps:.1f} requests/s")
    if stored.num_requests == 0:
        environment.process_exit_code = 1
        return
    print(f"locust_p50_ms {stored.get_response_time_percentile(0.5):.0f} ms")
    print(f"locust_p99_ms {stored.get_response_time_percentile(0.99):.0f} ms")
