"""What the page of `fpsim explore` asks for, and what it is answered: the library's numbers, or one sentence."""

import csv
import json
import re
import shlex
import signal
import struct
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.digits import power_of_e

pytest.importorskip("starlette", reason="starlette (extra `explore`) is not installed")
pytest.importorskip("httpx2", reason="httpx2 (a tool of developers) is not installed")
pytest.importorskip("plotly", reason="plotly (extra `explore`) is not installed")
pytestmark = pytest.mark.explore

from starlette.testclient import TestClient  # noqa: E402

from fpsim.explore.arrays import unpacked  # noqa: E402
from fpsim.explore.catalogue import choices  # noqa: E402
from fpsim.explore.clock import FRAMES  # noqa: E402
from fpsim.explore.jobs import Jobs  # noqa: E402
from fpsim.explore.kept import Kept  # noqa: E402
from fpsim.explore.presets import PRESETS  # noqa: E402
from fpsim.explore.programs import as_command, as_python  # noqa: E402
from fpsim.explore.quick import Quick  # noqa: E402
from fpsim.explore.server import application  # noqa: E402
from fpsim.explore.settings import Settings, settings_for  # noqa: E402

HOME = "http://127.0.0.1:8765"
WELL = {"temperature": "0.12"}


@pytest.fixture(scope="module")
def client():
    with TestClient(application(), base_url=HOME) as client:
        yield client


def settings(**pairs: str) -> Settings:
    return Settings.read((name.replace("__", "."), value) for name, value in pairs.items())


# --- numbers ---


def test_a_picture_holds_the_numbers_of_the_library(client):
    found = client.get("/api/picture", params={**WELL, "p.barrier": "0.3"}).json()
    sde = fpsim.SDE(landscapes.DoubleWell(barrier=0.3), fpsim.ConstantDiffusion(0.12))
    problem = fpsim.EscapeProblem(sde, -1.0, 1.0)
    rows = {row["method"]: row for row in found["table"]["rows"]}
    assert rows["quadrature"]["mean"] == pytest.approx(problem.by_quadrature().mean, rel=1e-12)
    assert rows["kramers"]["mean"] == pytest.approx(problem.by_formula("kramers").mean, rel=1e-12)
    failed = [a.statement for a in problem.by_formula("kramers").violated]
    assert failed and [a["statement"] for a in rows["kramers"]["failed"]] == failed
    x = unpacked(found["surface"]["axes"][0]).astype(float)
    assert unpacked(found["surface"]["height"]) == pytest.approx(0.3 * (x**2 - 1) ** 2, rel=1e-5, abs=1e-6)
    minima = sorted(row["x"][0] for row in found["critical"] if row["kind"] == "minimum")
    assert minima == pytest.approx([-1, 1], abs=1e-9)


def test_survival_falls_with_the_exact_mean_and_density_keeps_its_mass(client):
    found = client.get("/api/picture", params=WELL).json()
    t, left = (unpacked(found["survival"][k]).astype(float) for k in ("times", "values"))
    mean = found["table"]["rows"][0]["mean"]
    tail = -np.polyfit(t[20:], np.log(left[20:]), 1)[0]  # beyond the first moments one exponential is left
    area = np.trapezoid(left, t) + left[-1] / tail
    assert area == pytest.approx(mean, rel=2e-3)
    density, x = unpacked(found["density"]["values"]), unpacked(found["density"]["axes"][0])
    assert density.sum(axis=1) * (x[1] - x[0]) == pytest.approx(np.ones(len(density)), abs=1e-4)


def test_sharp_valleys_are_left_sooner_than_flat_ones():
    from fpsim.explore.picture import picture

    found = picture(PRESETS[2].read())
    there, back = found["table"]["rows"][0]["mean"], found["back"]["mean"]
    problem = PRESETS[2].read().problem
    reverse = fpsim.EscapeProblem(problem.sde, problem.edge, problem.start[0])
    assert back == pytest.approx(reverse.by_quadrature().mean, rel=1e-12)
    assert back > 100 * there


def test_a_film_holds_the_paths_of_the_library(client):
    answer = client.get("/api/movie", params={**WELL, "particles": "7", "seed": "3", "duration": "9"})
    pieces, rest = [], answer.content
    while rest:
        (length,) = struct.unpack("<I", rest[:4])
        pieces.append(np.frombuffer(rest[4 : 4 + length], "<f4"))
        rest = rest[4 + length :]
    frames = np.concatenate(pieces).reshape(-1, 7)
    assert frames.shape == (FRAMES + 1, 7) and np.all(frames[0] == -1) and np.isfinite(frames).all()
    sde = settings(**WELL).problem.sde
    paths = fpsim.simulate(sde, -1.0, 0.9, 9 / FRAMES / 4, paths=7, save_every=4, seed=3)
    assert frames[: len(paths.x)] == pytest.approx(paths.x[..., 0], rel=1e-6)


def test_paths_in_the_background_agree_with_the_exact_curve(client):
    result = finished(client, "exits", WELL)
    exact = client.get("/api/picture", params=WELL).json()
    t, share = unpacked(result["times"]), unpacked(result["values"])
    curve = np.interp(t, unpacked(exact["survival"]["times"]), unpacked(exact["survival"]["values"]))
    seen = t <= exact["clock"]["survival"]
    bias = result["systematic_error"] / result["mean"]
    assert np.abs(share - curve)[seen].max() < result["half"] + bias
    error = np.hypot(result["standard_error"], result["systematic_error"])
    assert abs(result["mean"] - exact["table"]["rows"][0]["mean"]) < 5 * error


def test_fields_in_two_dimensions(client):
    bowl = {"landscape": "(x**2-1)**2 + 2*y**2", "temperature": "0.4", "bounds": "-1.8:1.8,-1.5:1.5"}
    found = finished(client, "fields", {**bowl, "target": "half-space:1,0:0.8"})
    # x moves alone: the mean time is that of the line
    line = fpsim.SDE(landscapes.Landscape.from_expression("(x**2-1)**2", variables="x"), fpsim.ConstantDiffusion(0.4))
    exact = fpsim.EscapeProblem(line, -1.0, 0.8).by_quadrature().mean
    assert found["mean"] == pytest.approx(exact, abs=found["error"]) and found["error"] < 0.01 * exact
    values = unpacked(found["committor"]["values"])
    assert values.min() >= 0 and values.max() <= 1


def finished(client, kind, pairs):
    job = client.post(f"/api/jobs/{kind}", params=pairs).json()
    while job["state"] in ("waiting", "running"):
        time.sleep(0.05)
        job = client.get(f"/api/jobs/{job['id']}").json()
    assert job["state"] == "done", job
    return job["result"]


# --- what leaves the page ---

SHARED = [
    *(preset.read() for preset in PRESETS),
    settings(landscape="x**4/4 - x**2/2 + a*x", p__a="0.1", temperature="0.1"),
    settings(p__offset="0.2", noise="loss-scaled", learning_rate="0.2", batch_size="1", curvature="2.5"),
    settings(noise="hessian", at="path", climb_fraction="0.4", learning_rate="0.2", batch_size="2", floor="0.3"),
]


@pytest.mark.parametrize("shared", SHARED, ids=lambda s: f"{s.landscape[:12]} {s.noise}")
def test_program_address_and_command_mean_the_same_problem(shared):
    expected = shared.problem.by_quadrature().mean
    names: dict = {}
    exec(as_python(shared).replace("print(", "found = (").replace("problem.compare(budget=60)", "problem"), names)
    assert names["found"].by_quadrature().mean == pytest.approx(expected, rel=1e-10)
    assert Settings.read(shared.pairs()) == shared
    words = shlex.split(as_command(shared))
    assert words[:2] == ["fpsim", "escape"] and Settings.read(_pairs(words[2:])).problem.by_quadrature().mean == (
        pytest.approx(expected, rel=1e-10)
    )


def _pairs(words):
    yield "landscape", words[0]
    for flag, value in zip(words[1::2], words[2::2], strict=True):
        if flag == "--set":
            name, _, number = value.partition("=")
            yield f"p.{name}", number
        else:
            yield flag.removeprefix("--").replace("-", "_"), value


def test_the_command_runs_as_it_is(capsys):
    from fpsim.cli.app import app

    words = shlex.split(as_command(settings(**WELL)))[1:]
    app([*words, "--json", "--budget", "20", "--paths", "1000"], standalone_mode=False)
    means = {row["method"]: row["mean"] for row in json.loads(capsys.readouterr().out)["routes"]}
    assert means["quadrature"] == pytest.approx(settings(**WELL).problem.by_quadrature().mean, rel=1e-10)


def test_data_are_read_back(client, tmp_path):
    import xarray

    shown = client.get("/api/picture", params=WELL).json()
    file = tmp_path / "page.nc"
    file.write_bytes(client.get("/api/data.nc", params=WELL).content)
    with xarray.open_dataset(file) as data:
        assert data.density.dims == ("time", "x_cell") and data.attrs["problem"] == shown["title"]
        assert data.survival.values == pytest.approx(unpacked(shown["survival"]["values"]))
    rows = list(csv.DictReader(client.get("/api/routes.csv", params=WELL).text.splitlines()))
    assert float(rows[0]["mean"]) == shown["table"]["rows"][0]["mean"]
    for table in ("landscape", "density", "survival"):
        lines = client.get(f"/api/{table}.csv", params=WELL).text.splitlines()
        assert len(lines) > 50 and len({line.count(",") for line in lines}) == 1


def test_an_exported_page_needs_nothing_else(tmp_path):
    from fpsim.explore.export import export_page

    file = export_page(tmp_path / "page.html", settings(**WELL), steps=1)
    text = file.read_text(encoding="utf-8")
    assert "src=" not in text[:2000] and 'href="/' not in text and "FPSIM_STORED" in text
    start = text.index("const FPSIM_STORED = ") + len("const FPSIM_STORED = ")
    stored = json.loads(text[start : text.index(";\n</script>", start)])
    (entry,) = stored["entries"].values()
    cooler = settings(temperature="0.072").problem.by_quadrature().mean
    assert entry["picture"]["table"]["rows"][0]["mean"] == pytest.approx(cooler, rel=1e-12)
    assert len(entry["movie"]) > 1000 and entry["exits"]["paths"] == 2000


# --- bad requests ---

HESSIAN = {"noise": "hessian", "learning_rate": "0.1", "batch_size": "1"}
BAD = {
    "unknown setting": {"temprature": "0.1"},
    "no temperature": {},
    "no number": {"temperature": "warm"},
    "negative": {"temperature": "-1"},
    "zero": {"temperature": "0"},
    "infinite": {"temperature": "inf"},
    "not a number": {"temperature": "nan"},
    "huge": {"temperature": "1e400"},
    "unknown landscape": {"landscape": "duoble-well", **WELL},
    "unknown parameter": {"p.barier": "1", **WELL},
    "bad parameter": {"p.barrier": "-1", **WELL},
    "parameter of text": {"p.barrier": "high", **WELL},
    "too tilted": {"p.tilt": "5", **WELL},
    "too many parameters": {**{f"p.a{k}": "1" for k in range(20)}, **WELL},
    "call": {"landscape": "__import__('os').system('true')", **WELL},
    "attribute": {"landscape": "x.__class__", **WELL},
    "lambda": {"landscape": "(lambda: 1)()", **WELL},
    "comprehension": {"landscape": "[x for x in (1,2)]", **WELL},
    "string": {"landscape": "'a'*9 + x", **WELL},
    "open": {"landscape": "open('/etc/passwd') + x", **WELL},
    "unclosed": {"landscape": "(x**2", **WELL},
    "tower": {"landscape": "x**9**9**9", **WELL},
    "great power": {"landscape": "x**99999999 + x**2", **WELL},
    "deep": {"landscape": "(" * 200 + "x" + ")" * 200, **WELL},
    "long": {"landscape": "x+" * 400 + "x", **WELL},
    "name": {"landscape": "x**2 + secret", **WELL},
    "three dimensions": {"landscape": "x**2 + y**2 + z**2", **WELL},
    "ten dimensions": {"landscape": "coupled-double-wells", "p.dimension": "10", **WELL},
    "one valley": {"landscape": "x**2/2", **WELL},
    "no valley": {"landscape": "x*1.5", **WELL},
    "unknown noise": {"noise": "pink", **WELL},
    "noise without eta": {"noise": "hessian", "batch_size": "1", "at": "everywhere"},
    "noise without floor": {**HESSIAN, "at": "everywhere"},
    "noise at nowhere": {**HESSIAN, "at": "nowhere", "floor": "1"},
    "negative floor": {**HESSIAN, "at": "everywhere", "floor": "-1"},
    "temperature of SGD": {**HESSIAN, "at": "everywhere", "floor": "1", **WELL},
    "no loss to scale": {"noise": "loss-scaled", "learning_rate": "0.1", "batch_size": "1", "curvature": "1"},
    "tail index": {"noise": "heavy-tails", "alpha": "3", "scale": "1"},
    "no examples": {"noise": "examples", "learning_rate": "0.1", "batch_size": "1"},
    "half a batch": {"landscape": "resnet-slice", "noise": "examples", "learning_rate": "1", "batch_size": "1.5"},
    "convention": {"convention": "backward", **WELL},
    "start in the target": {"landscape": "three-hole", "start": "1,0", "temperature": "1"},
    "start in two dimensions": {"start": "1,2", **WELL},
    "far start": {"start": "1e300", **WELL},
    "far target": {"target": "1000", **WELL},
    "target of words": {"target": "there", **WELL},
    "point in a plane": {"landscape": "three-hole", "target": "1,0", "temperature": "0.4"},
    "ball without radius": {"landscape": "three-hole", "target": "ball:1,0", "temperature": "0.4"},
    "box inside out": {"landscape": "(x**2-1)**2", "bounds": "1:-1", **WELL},
    "no particles": {"particles": "0", **WELL},
    "crowd": {"particles": "1000000", **WELL},
    "seed": {"seed": "-1", **WELL},
    "long film": {"duration": "1e9", **WELL},
    "backward film": {"duration": "-1", **WELL},
    "long value": {"start": "1" * 600, **WELL},
    "bytes": {"landscape": "x\x00**2", **WELL},
    "powers beyond floats": {"p.width": "1e300", **WELL},
    "powers below floats": {"p.width": "1e-300", **WELL},
}


@pytest.mark.filterwarnings("ignore")  # as the server does
@pytest.mark.parametrize("pairs", BAD.values(), ids=BAD)
def test_a_bad_request_is_answered_by_one_sentence(client, pairs):
    answer = client.get("/api/picture", params=pairs)
    said = answer.json()["error"]
    assert answer.status_code == 400 and 15 < len(said) < 500 and "\n" not in said and "Traceback" not in said
    assert "--" not in said and "Errno" not in said and "(34" not in said and "Array must" not in said


def test_there_are_fifty_bad_requests():
    assert len(BAD) >= 50


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404), ("GET", "/page/../settings.py", 404), ("GET", "/page/index.html", 404),
        ("POST", "/api/picture", 405), ("GET", "/api/jobs/exits", 405), ("GET", "/api/jobs/999", 404),
        ("DELETE", "/api/jobs/999", 404), ("POST", "/api/jobs/mine?temperature=1", 400),
        ("GET", "/api/secrets.csv?temperature=0.1", 400), ("GET", "/api/picture?temperature=1&temperature=2", 400),
        ("GET", f"/api/picture?start={'1' * 9000}", 414),
    ],
)  # fmt: skip
def test_a_wrong_address_is_answered_by_one_sentence(client, method, path, status):
    answer = client.request(method, path)
    assert (answer.status_code, "\n" in answer.json()["error"]) == (status, False)


# --- who may ask ---


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"}, {"host": "evil.example:8765"}, {"host": "127.0.0.1.evil.example"},
        {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    ],
)  # fmt: skip
def test_other_origins_are_refused(client, headers):
    for method, path in (("GET", "/api/picture?temperature=0.1"), ("POST", "/api/jobs/exits?temperature=0.1")):
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 403 and answer.json()["error"]


def test_its_own_page_is_answered_and_may_load_nothing_from_outside(client):
    own = {"origin": HOME, "sec-fetch-site": "same-origin"}
    assert client.get("/api/choices", headers=own).status_code == 200
    page = client.get("/", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"})
    assert page.status_code == 200 and page.headers["content-security-policy"].startswith("default-src 'self'")
    assert "://" not in page.text


def test_a_token_lets_in_who_knows_it():
    with TestClient(application("a-long-token-1"), base_url="http://192.168.1.5:8765") as other:
        assert other.get("/").status_code == 403
        assert other.get("/", params={"token": "a-long-token-2"}).status_code == 403
        welcome = other.get("/", params={"token": "a-long-token-1"})
        assert welcome.status_code == 200 and "HttpOnly" in welcome.headers["set-cookie"]
        assert other.get("/api/choices").status_code == 200  # by its cookie


def test_other_machines_need_a_token():
    from fpsim.explore.launch import checked_host

    checked_host("127.0.0.1", None)
    checked_host("0.0.0.0", "a-long-token-1")
    for host, token in (("0.0.0.0", None), ("0.0.0.0", "short"), ("10.0.0.1", ""), ("::", "with space in it")):
        with pytest.raises(ValueError, match="token"):
            checked_host(host, token)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["duoble-well"], "did you mean 'double-well'"),
        (["double-well", "--temperature", "-1"], "positive"),
        (["x**2+y**2+z**2", "--temperature", "1"], "fpsim escape"),
        (["--host", "0.0.0.0"], "--token"),
        (["--export", "page.txt"], ".html"),
    ],
)
def test_the_command_refuses_before_it_serves(words, reason):
    from fpsim.cli.app import app

    with pytest.raises(ValueError, match=re.escape(reason)):
        app(["explore", "--no-browser", *words], standalone_mode=False)


def test_flags_that_the_page_does_not_have_are_refused():
    with pytest.raises(ValueError, match="--weather is not on the page"):
        settings_for("double-well", {"weather": "fine"}, [])
    assert settings_for(None, {}, []) == settings(temperature="0.08")
    assert settings_for("double-well", {}, ["barrier=0.5"]) == settings(p__barrier="0.5", temperature="0.08")


def test_the_command_serves_until_it_is_interrupted():
    run = [sys.executable, "-m", "fpsim", "explore", "tilted-cosine", "--no-browser", "--port", "0"]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            home = re.search(r"http://127\.0\.0\.1:\d+/", said := server.stdout.readline())
            assert home and "landscape=tilted-cosine" in said
            with urllib.request.urlopen(home[0], timeout=60) as page:
                assert b"fpsim <span>explore" in page.read()
            server.send_signal(signal.SIGINT)
            assert server.wait(60) == 0 and not server.stdout.read().strip()
        finally:
            server.kill()


# --- bounds ---


def test_jobs_are_bounded_shared_cancelled_and_forgotten():
    jobs, held = Jobs(at_once=1, waiting=1, seconds=5, lease=0.4), threading.Event()

    def wait(tell):
        while not held.wait(0.01):
            tell(0.5, "waiting")

    first, second = jobs.start("a", wait), jobs.start("b", wait)
    assert jobs.start("a", wait) is first
    with pytest.raises(ValueError, match="most at once"):
        jobs.start("c", wait)
    first.cancel.set()
    assert _ends(first) == "cancelled"
    assert _ends(second) == "cancelled"  # nobody asked after it for a lease
    time.sleep(0.5)
    third = jobs.start("d", lambda tell: 7)
    assert (_ends(third), third.result, list(jobs.jobs)) == ("done", 7, [third.number])
    failing = jobs.start("e", lambda tell: 1 / 0)
    assert (_ends(failing), failing.error) == ("failed", "division by zero")
    jobs.close()


def test_a_job_that_takes_too_long_is_stopped():
    jobs = Jobs(seconds=0.2)
    endless = jobs.start("endless", lambda tell: [time.sleep(0.01) for _ in range(100_000)])
    assert _ends(endless) == "failed" and "0.2 s" in endless.error
    jobs.close()


def _ends(job, seconds=5.0):
    ends = time.monotonic() + seconds
    while not job.ended and time.monotonic() < ends:
        time.sleep(0.01)
    return job.state


def test_twenty_tabs_are_bounded_in_work_and_memory():
    running, most, lock = [0], [0], threading.Lock()

    def make(shown):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.005)
        with lock:
            running[0] -= 1
        return {"seed": shown.seed}

    quick, answers = Quick(make, kept=8), []

    def tab(number):
        for move in range(15):
            answers.append(json.loads(quick(Settings(seed=(number + move) % 30)))["seed"] == (number + move) % 30)

    tabs = [threading.Thread(target=tab, args=(number,)) for number in range(20)]
    for one in tabs:
        one.start()
    for one in tabs:
        one.join()
    assert len(answers) == 300 and all(answers)
    assert most[0] <= 2 and len(quick.answers) <= 8


def test_a_picture_that_is_under_way_is_waited_for_and_made_once():
    made = []

    def make(shown):
        made.append(shown)
        time.sleep(0.05)
        return {}

    quick = Quick(make)
    readers = [threading.Thread(target=quick, args=(Settings(),)) for _ in range(5)]
    for one in readers:
        one.start()
    for one in readers:
        one.join()
    assert made == [Settings()] and not quick.under_way


def test_the_story_is_kept_on_disk_for_the_program_that_made_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FPSIM_CACHE_DIR", str(tmp_path))
    story, own = PRESETS[0].read(), Settings(temperature="0.3")
    assert Quick(lambda shown: {"seed": 1}, disk=Kept())(story) == Quick(lambda shown: {}, disk=Kept())(story)
    assert Quick(lambda shown: {}, disk=Kept())(own) == Quick(lambda shown: {}, disk=Kept())(PRESETS[1].read()) == b"{}"
    assert sorted(file.name for file in (tmp_path / "explore").iterdir()) == ["hessian-noise.json", "white-noise.json"]
    changed = Kept()
    changed.stamp = b"another program"
    assert changed.read(story) is None and Kept().read(story) == b'{"seed": 1}'
    file = tmp_path / "explore" / "white-noise.json"
    file.write_bytes(file.read_bytes()[:-3])  # a disk that was full
    assert Quick(lambda shown: {"seed": 2}, disk=Kept())(story) == b'{"seed": 2}' == Kept().read(story)
    monkeypatch.setenv("FPSIM_CACHE_DIR", str(file))  # where nothing can be written
    assert Quick(lambda shown: {}, disk=Kept())(story) == b"{}"


def test_the_server_listens_before_anything_that_computes_is_loaded():
    code = (
        "import sys\nfrom fpsim.explore.launch import page_server\nfrom fpsim.explore.presets import PRESETS\n"
        "page_server(), PRESETS[0].read()\n"
        "print(*{'scipy', 'sympy', 'numba', 'xarray', 'matplotlib'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not found.stdout.split()


def test_every_landscape_of_the_form_gives_a_picture_and_is_what_the_form_says(client):
    for name, place in choices()["landscapes"].items():
        shown = {"landscape": name, "temperature": str(place["temperature"])}
        answer = client.get("/api/picture", params=shown)
        assert answer.status_code == 200, (name, answer.text[:300])
        found = settings(**shown).problem.sde.landscape
        assert place["has_examples"] == hasattr(found, "example_gradients")


def test_what_no_float_resolves_is_told_beside_the_formulas(client):
    # L = 3e-32 at the minimum instead of 0: the noise dies in one float
    scaled = {"noise": "loss-scaled", "learning_rate": "1", "batch_size": "1", "floor": "4"}
    found = client.get("/api/picture", params={"landscape": "sharp-flat-well", **scaled})
    assert found.status_code == 200
    table = found.json()["table"]
    assert table["rows"][0]["process"] == "formula" and "larger floor" in table["skipped"][0]["reason"]


def test_times_of_any_size_are_printed():
    assert power_of_e(7.5e298, 0.0) == "e^7.5e+298"


def test_a_picture_that_waits_for_a_compiler_begins_again(monkeypatch):
    from fpsim.explore import quick
    from fpsim.kernels.compiling import announced

    monkeypatch.setattr(quick, "SECONDS", 0.05)
    begun, ends = [], threading.Event()

    def make(shown):
        begun.append(shown)
        while len(begun) < 3 and not ends.wait(0.01):
            pass
        return {"begun": len(begun)}

    with announced("a loop"):
        assert json.loads(Quick(make)(Settings())) == {"begun": 3}
    begun.clear()
    with pytest.raises(ValueError, match=r"did not end within 0\.05 s"):
        Quick(make)(Settings())
