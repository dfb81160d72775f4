"""What the review promises, and that a test proves each rule behind it.

A test names the rules that it proves: a marker `proves` in Python, `config.meta.proves`
of a unit test of a model. A rule without such a test, or one that nobody promised or
wrote, is named here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
REVIEW = REPOSITORY / "models" / "review"

# What was asked for, in the words in which it was asked, and the rules that keep it.
PROMISES = {
    "环节输出明确 · each step leaves what it must": {"D-1"},
    "关键节点, 等待, 重复审批 · key steps, waiting, repeated approval": {
        *("map", "waiting", "approvals", "D-2")
    },
    "三层拆解, 向上追溯 · three levels, traceable upwards": {"R1", "REG-6", "goals"},
    "营收+20%, 转化率+15% · relative or points, and the path of a year": {
        *("S6", "annual goals")
    },
    "具体, 可衡量, 有时限 · specific, measurable, timed": {
        *(f"S{number}" for number in range(1, 8)),
        *(f"M{number}" for number in range(1, 9)),
        *(f"T{number}" for number in range(1, 7)),
    },
    "120→100, 不是30 · within reach": {"A", "A-1"},
    "通话时长与满意度 · no speed at the cost of quality": {"R4", "K-3", "C-1"},
    "订单五指标 · the order KPIs are ready": {"ready"},
    "数据源字段, 责任到人 · a field and an owner for each": {
        *("M1", "M7", "P-7", "REG-4", "routes")
    },
    "≤2小时, >120 提醒, 退货率→质量部 · alarms, late cases, who has to act": {
        *("status", "alerts", "cases", "tasks")
    },
    "次日达 30→15 · a target judges its own periods": {"targets in force"},
    "3个月达标且行业更优 · raise a target that is met": {"TR-1"},
    "分派快而错误升 · an improvement that costs elsewhere": {"V-1"},
    "2–3核心, 剔除冗余 · few KPIs": {
        *("K-1", "K-2", "K-3", "K-4"),
        *(f"P-{number}" for number in range(1, 8)),
    },
    "行为+结果, 360度 · work that is hard to count": {
        *("B-1", "B-2", "hard work", "ratings")
    },
    "a bad row of a register is refused": {f"REG-{n}" for n in range(1, 12)},
    "what was reported stays as it was reported": {"PB-1", "publications"},
    "noise is no finding": {"noise"},
}


def written() -> set[str]:
    """Every rule that the models and the registers have."""
    sql = "\n".join(path.read_text("utf-8") for path in REVIEW.glob("*.sql"))
    checks = (REVIEW / "fct_smart_checks.sql").read_text("utf-8")
    registers = (REPOSITORY / "orchestration" / "registers.py").read_text("utf-8")
    return {
        *re.findall(r"'((?:[A-DKPV]|TR|PB)-\d)'", sql),
        *re.findall(r"^ +\('([SMRT]\d|A)', '[FW]'", checks, re.MULTILINE),
        *re.findall(r"REG-\d+", registers),
    }


def marked(text: str) -> Iterator[str]:
    """Rules that the tests of a module say they prove."""
    for node in ast.walk(ast.parse(text)):
        for mark in getattr(node, "decorator_list", []):
            if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(
                "mark.proves"
            ):
                yield from (ast.literal_eval(one) for one in mark.args)


def proved() -> set[str]:
    """Rules that some test says it proves."""
    found = {
        rule
        for path in (REPOSITORY / "tests").rglob("test_*.py")
        for rule in marked(path.read_text("utf-8"))
    }
    for path in (REPOSITORY / "models").rglob("*.yml"):
        # Reading all YAML would take seconds.
        if "proves: [" in (text := path.read_text("utf-8")):
            for test in yaml.safe_load(text)["unit_tests"]:
                found |= {*test.get("config", {}).get("meta", {}).get("proves", [])}
    return found


def test_every_promise_and_every_rule_has_a_test_that_names_it() -> None:
    promised = set().union(*PROMISES.values())
    assert len(written()) > 50
    assert promised | written() == proved()


def test_a_rule_without_a_test_is_seen() -> None:
    """A mark counts where it stands on a test, with the rules it names."""
    text = '@pytest.mark.proves("TR-9", "C-9")\ndef test_x(): ...\n# proves("TR-8")'
    assert {*marked(text)} == {"TR-9", "C-9"}
    assert not {"TR-9", "C-9", "TR-8"} & proved()
