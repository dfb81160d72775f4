"""The processes that judge: they leave nothing behind that the user would read of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]

# A judge like great-expectations, whose progress bars hold a lock of the system.
SCRIPT = """
import multiprocessing
import sys
sys.path.insert(0, sys.argv[1])
from orchestration.gate import _judge_all
from orchestration.judging import error

class Task:
    export_code = "shop.sales"

def judge(task):
    judge.lock = multiprocessing.RLock()
    return error("not today")

if __name__ == "__main__":
    tasks = [Task()]
    take = lambda code: tasks.pop() if tasks else None
    print(len(list(_judge_all(["shop.sales"], take, judge, 1, 60.0))))
"""


def test_an_idle_worker_ends_by_itself_and_releases_what_its_libraries_hold(
    tmp_path: Path,
) -> None:
    script = tmp_path / "judge_one.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(REPOSITORY)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
