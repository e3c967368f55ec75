"""No client stops the web server: a real server, real sockets, and what others get while the attack is on."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

from tests.intake.factories import a_document
from tests.ops.test_gate import free_port
from tests.ops.waiting import until

ROOT = Path(__file__).parents[2]
#: Seconds within which others must be answered. The machine may be busy with other tests.
PROMPT = 2.0
#: Seconds for which each attack is kept up while others ask.
DURATION = 4.0
STATIC = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"

pytestmark = pytest.mark.slow


def manage(folder, *words):
    environment = environment_of(folder, 0)
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, check=True, capture_output=True
    ).stdout


def environment_of(folder, port):
    servers = {"DATABASE_URL", "REDIS_URL"}  # these are embedded, wherever the other tests run
    inherited = {name: value for name, value in os.environ.items() if name not in servers}
    return {
        **inherited,
        "GATE_DATA": str(folder),
        "GATE_PORT": str(port),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A folder with a database, and the keys of two labels in it: the attacker's, and another one's."""
    folder = tmp_path_factory.mktemp("state")
    manage(folder, "migrate", "--verbosity=0")
    keys = [json.loads(manage(folder, "create_label", name, "--json"))["api_key"] for name in ("Salt", "Harbour")]
    return folder, *keys


class Server:
    """The web server alone, on a folder and a port of its own."""

    def __init__(self, state, folder, config, **settings):
        shutil.copytree(state[0], folder, dirs_exist_ok=True)
        self.key, self.other_key = state[1:]
        self.port = free_port()
        with (folder / "web.log").open("w") as shown:
            command = [sys.executable, "-m", "gunicorn", f"--config=python:{config}", "config.wsgi:application"]
            environment = environment_of(folder, self.port) | settings
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=shown, stderr=shown)

    def connect(self, receive_buffer=None):
        client = socket.socket()
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(15)
        client.connect(("127.0.0.1", self.port))
        return client

    def ask(self, method, path, key=None, body=None, timeout=PROMPT, **headers):
        """One request on a connection of its own."""
        given = {"Authorization": f"Bearer {key}"} if key else {}
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib3.PoolManager() as connections:
            answer = connections.request(
                method, url, body=body, headers=given | headers, timeout=timeout, retries=False, redirect=False
            )
        return answer.status, answer.data

    def draft(self, key, number):
        """The path of a file that a new draft waits for."""
        document = json.dumps(a_document(number=number))
        status, answer = self.ask(
            "POST", "/api/v1/submissions", key, document, timeout=30, **{"Content-Type": "application/json"}
        )
        assert status == 201, answer
        return f"/api/v1/submissions/{json.loads(answer)['id']}/files/01.flac"

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@contextlib.contextmanager
def running(state, folder, config, **settings):
    server = Server(state, folder, config, **settings)
    try:

        def up():
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                return server.ask("GET", "/healthz")[0] == 200

        until(up, seconds=180)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server(state, tmp_path_factory):
    with running(state, tmp_path_factory.mktemp("server"), "config.gunicorn") as server:
        yield server


# --- Attacks: each yields sockets, and says what is sent on each of them once a second --------------------------------


def head(method, path, key=None, **headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"Authorization: Bearer {key}"] if key else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def nothing(server, key):
    return [server.connect() for _ in range(500)], b""


def half_heads(server, key, number=500):
    clients = [server.connect() for _ in range(number)]
    for client in clients:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Half: ")
    return clients, b""


def trickled_heads(server, key):
    return half_heads(server, key, 200)[0], b"x"


def small_bodies(server, key):
    clients = [server.connect() for _ in range(200)]
    for client in clients:
        client.sendall(head("POST", "/api/v1/validate", key, Content_Type="application/json", Content_Length=5000))
    return clients, b" "


def slow_uploads(server, key, number=70, send=200_000, **how):
    clients = [server.connect() for _ in range(number)]
    for client in clients:
        client.setblocking(False)
        with contextlib.suppress(OSError):  # one that was refused already
            client.sendall(head(**how, key=key, Content_Length=50_000_000) + b"x" * send)
    return clients, b"x"


def puts(server, key):
    return slow_uploads(server, key, method="PUT", path=server.draft(key, 1))


def pieces(server, key):
    tus = {
        "Tus_Resumable": "1.0.0",
        "Upload_Offset": 0,
        "Upload_Length": 50_000_000,
        "Content_Type": "application/offset+octet-stream",
    }
    paths = [server.draft(key, number) for number in range(2, 12)]
    clients = [slow_uploads(server, key, number=7, method="PATCH", path=path, **tus)[0] for path in paths]
    return [client for some in clients for client in some], b"x"


def multiparts(server, key):
    kind = "multipart/form-data; boundary=limes"
    return slow_uploads(server, key, method="POST", path="/api/v1/submissions", Content_Type=kind)


def log_ins(server, key):
    """Bodies without a key, where no view has looked at who sends them."""
    kind = "multipart/form-data; boundary=limes"
    how = {"Content_Type": kind, "Cookie": "csrftoken=0123456789abcdef0123456789abcdef"}
    return slow_uploads(server, None, method="POST", path="/admin/login/", **how)


def expectations(server, key):
    """Large bodies that are announced and never sent."""
    return slow_uploads(server, key, send=0, method="PUT", path=server.draft(key, 12), Expect="100-continue")


def never_read(server, key):
    clients = [server.connect(receive_buffer=4096) for _ in range(300)]
    for client, path in zip(clients, [STATIC, "/api/v1/schema"] * 150, strict=True):
        client.sendall(head("GET", path))
    return clients, b""


def bogus_keys(server, key):
    clients = []
    for number in range(70):
        how = {"method": "PUT", "path": "/api/v1/submissions/x/files/y"}
        clients += slow_uploads(server, f"rig_{number}", number=1, **how)[0]
    return clients, b"x"


@contextlib.contextmanager
def under(attack, server, key):
    clients, drop = attack(server, key)
    try:
        yield clients, drop
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    "attack",
    [
        nothing,
        half_heads,
        trickled_heads,
        small_bodies,
        puts,
        pieces,
        multiparts,
        log_ins,
        expectations,
        never_read,
        bogus_keys,
    ],
)
def test_others_are_answered_and_deliver_while_somebody(attack, server):
    attacker, key = server.key, server.other_key
    path = server.draft(key, 100)
    with under(attack, server, attacker) as (clients, drop):
        end, slowest, upload = time.monotonic() + DURATION, 0.0, b"fLaC" + os.urandom(1_000_000)
        while time.monotonic() < end:
            for client in clients if drop else ():
                with contextlib.suppress(OSError):
                    client.send(drop)
            for what in ("/healthz", "/api/v1/submissions"):
                began = time.monotonic()
                assert server.ask("GET", what, key)[0] == 200
                slowest = max(slowest, time.monotonic() - began)
            status, answer = server.ask("PUT", path, key, upload, timeout=10)
            assert status == 201, answer
            time.sleep(0.5)
        assert slowest < PROMPT


# --- What becomes of the attackers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def impatient(state, tmp_path_factory):
    with running(state, tmp_path_factory.mktemp("impatient"), "tests.ops.impatient", GATE_WEB_UPLOADS="4") as server:
        yield server


@pytest.fixture(scope="module")
def key(impatient):
    return impatient.key


def answer_to(client, drop=b"", seconds=15.0):
    """What a client that sends a few bytes now and then reads until the server closes: status, fields, body."""
    received, end = b"", time.monotonic() + seconds
    client.settimeout(0.2)
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            client.send(drop)
        try:
            piece = client.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            break
        if not piece:
            break
        received += piece
    else:
        pytest.fail(f"still open after {seconds} s; received {received[:200]!r}")
    if not received:
        return None, {}, b""
    top, _, body = received.partition(b"\r\n\r\n")
    status, *fields = top.decode().split("\r\n")
    return int(status.split()[1]), {name.lower(): value for name, _, value in (f.partition(": ") for f in fields)}, body


def refused(answer, status, kind):
    assert answer[0] == status, answer
    assert answer[1]["content-type"] == "application/problem+json"
    assert answer[1]["connection"] == "close"
    assert json.loads(answer[2])["type"] == f"/problems/{kind}"


def test_client_that_sends_nothing_is_disconnected(impatient):
    assert answer_to(impatient.connect()) == (None, {}, b"")


@pytest.mark.parametrize("drop", [b"", b"x"], ids=["stops", "trickles"])
def test_half_a_head_is_refused(impatient, drop):
    client = impatient.connect()
    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Half: ")
    refused(answer_to(client, drop), 408, "request-timeout")


def test_half_a_small_body_is_refused(impatient, key):
    client = impatient.connect()
    client.sendall(head("POST", "/api/v1/validate", key, Content_Type="application/json", Content_Length=5000))
    refused(answer_to(client, b" "), 408, "request-timeout")


def test_too_long_a_head_is_refused(impatient):
    client = impatient.connect()
    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 70_000)
    refused(answer_to(client), 431, "headers-too-large")


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
def test_too_slow_an_upload_is_refused_and_nothing_is_kept(impatient, key, method):
    path = impatient.draft(key, {"PUT": 1, "POST": 2, "PATCH": 3}[method])
    tus = {
        "Tus_Resumable": "1.0.0",
        "Upload_Offset": 0,
        "Upload_Length": 50_000_000,
        "Content_Type": "application/offset+octet-stream",
    }
    kind = {"Content_Type": "multipart/form-data; boundary=limes"}
    client = impatient.connect()
    where = "/api/v1/submissions" if method == "POST" else path
    more = {"PUT": {}, "POST": kind, "PATCH": tus}[method]
    client.sendall(head(method, where, key, Content_Length=50_000_000, **more) + b"x" * 100_000)
    before = impatient.ask("GET", "/api/v1/submissions", key, timeout=10)[1]
    refused(answer_to(client, b"x"), 408, "request-timeout")
    assert impatient.ask("GET", "/api/v1/submissions", key, timeout=10)[1] == before


def test_upload_at_the_pace_of_a_thin_line_is_taken(impatient, key):
    """Ten times the window, at a quarter of 1 Mbit/s."""
    path, total, a_tenth = impatient.draft(key, 4), 600_000, 3_000
    client = impatient.connect()
    client.sendall(head("PUT", path, key, Content_Length=total, Connection="close"))
    for _ in range(total // a_tenth):
        client.sendall(b"x" * a_tenth)
        time.sleep(0.1)
    assert answer_to(client)[0] == 201


def test_one_key_holds_a_part_of_the_upload_threads_and_the_rest_is_refused_in_time(impatient, key):
    """Two of the four; the others wait for their turn without a thread."""
    path = impatient.draft(key, 5)
    other = impatient.other_key
    clients, _ = slow_uploads(impatient, key, number=12, method="PUT", path=path)
    theirs = impatient.draft(other, 6)
    assert impatient.ask("PUT", theirs, other, b"fLaC" * 50_000, timeout=10)[0] == 201
    statuses = [answer_to(client, b"x", seconds=30)[0] for client in clients]
    assert set(statuses) == {408, 429}


def test_burst_of_one_key_waits_for_its_turn_and_is_taken(impatient, key):
    # A file each: two requests for one file at the same moment would be refused with 423.
    paths = [impatient.draft(key, number) for number in range(100, 120)]
    body = b"fLaC" * 50_000
    clients = [impatient.connect() for _ in paths]
    for client, path in zip(clients, paths, strict=True):
        client.sendall(head("PUT", path, key, Content_Length=len(body), Connection="close") + body)
    assert [answer_to(client)[0] for client in clients] == [201] * 20


@pytest.mark.parametrize("path", [STATIC, "/api/v1/schema"], ids=["file", "text"])
def test_answer_that_nobody_reads_is_dropped(impatient, path):
    client = impatient.connect(receive_buffer=4096)
    client.sendall(head("GET", path))
    time.sleep(6)
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            received += piece
    assert len(received) < 150_000, "whole, although nobody read it for three windows"


def test_answer_that_is_read_slowly_arrives_whole(impatient):
    """Three windows long, a piece at a time."""
    client, received = impatient.connect(receive_buffer=65536), b""
    client.sendall(head("GET", STATIC, Connection="close"))
    while piece := client.recv(30_000):
        received += piece
        time.sleep(0.1)
    top, _, body = received.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}\r\n".encode() in top + b"\r\n"
    assert body == urllib3.request("GET", f"http://127.0.0.1:{impatient.port}{STATIC}").data


def test_refused_upload_says_close_and_its_sender_reads_why(impatient):
    client = impatient.connect()
    body = b"x" * 3_000_000
    client.sendall(head("PUT", "/api/v1/submissions/x/files/y", "rig_wrong", Content_Length=len(body)) + body)
    status, fields, _ = answer_to(client)
    assert (status, fields["connection"]) in ((401, "close"), (404, "close"))


# --- What must go on to work ------------------------------------------------------------------------------------------


def test_connection_serves_one_request_after_another(impatient, key):
    connection = http.client.HTTPConnection("127.0.0.1", impatient.port, timeout=10)
    connection.connect()
    ours = connection.sock
    for _ in range(3):
        connection.request("GET", "/api/v1/submissions", headers={"Authorization": f"Bearer {key}"})
        assert connection.getresponse().read()
        connection.request("POST", "/api/v1/validate", b"{}", {"Content-Type": "application/json"})
        assert connection.getresponse().read()
    assert connection.sock is ours


def test_requests_sent_together_are_answered_in_order(impatient):
    client = impatient.connect()
    client.sendall(
        b"\r\n" + head("GET", "/healthz") + head("GET", "/api/v1/nowhere") + head("GET", "/healthz", Connection="close")
    )
    received = b""
    while piece := client.recv(65536):
        received += piece
    assert re.findall(rb"HTTP/1\.1 (\d+) ", received) == [b"200", b"404", b"200"]


@pytest.mark.parametrize("size", [1, 1000, 65_536, 65_537, 300_000])
def test_body_that_comes_in_drops_is_whole(impatient, key, size):
    body = json.dumps({"release": {}, "pad": "x" * size}).encode()
    client = impatient.connect()
    message = head("POST", "/api/v1/validate", key, Content_Length=len(body), Connection="close") + body
    step = max(1, len(message) // 50)
    for start in range(0, len(message), step):
        client.sendall(message[start : start + step])
        time.sleep(0.005)
    status, _, answer = answer_to(client)
    assert status in (415, 422), answer


def test_client_is_told_to_go_on_before_it_sends(impatient, key):
    path, body = impatient.draft(key, 8), b"fLaC" * 50_000
    client = impatient.connect()
    client.sendall(head("PUT", path, key, Content_Length=len(body), Expect="100-continue", Connection="close"))
    assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(body)
    assert answer_to(client)[0] == 201


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_request_is_refused(impatient, sent):
    client = impatient.connect()
    client.sendall(sent)
    assert answer_to(client)[0] == 400


def test_server_stops_in_time_with_clients_on_it(state, tmp_path):
    with running(state, tmp_path, "config.gunicorn") as server:
        held = nothing(server, None)[0] + half_heads(server, None)[0] + puts(server, server.key)[0]
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10
        assert server.process.returncode == 0
        for client in held:
            client.close()


def test_loop_needs_no_processor_while_clients_only_wait(impatient):
    """A poller that watches for what is always so would turn at full speed."""
    (worker,) = (Path(f"/proc/{impatient.process.pid}/task/{impatient.process.pid}/children").read_text()).split()

    def ticks():
        fields = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    client = impatient.connect(receive_buffer=4096)
    client.sendall(head("GET", STATIC))
    time.sleep(0.5)
    before = ticks()
    time.sleep(1)
    assert ticks() - before < 0.3 * os.sysconf("SC_CLK_TCK")
    client.close()
