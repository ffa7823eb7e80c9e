"""The dashboard for Grafana: every query is PromQL, and asks for metrics, labels and values that GET /metrics has."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import promql_parser as promql
import pytest

from eventstore.chain import Head
from station.service.metrics import MetricFacts, metrics_text
from tests.daemon import ROOT
from tests.given import charging, station

DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "chargebox.json").read_text(encoding="utf-8"))
ADDED_BY_PROMETHEUS = frozenset({"job", "instance"})
OF_COUNTERS = frozenset({"rate", "irate", "increase"})
OF_GAUGES = frozenset({"delta", "deriv"})


def exposed() -> tuple[dict[str, str], dict[str, dict[str, set[str]]]]:
    """Of each metric its type, and the values of each of its labels, from what a charging station exposes."""
    under_test = charging(station(connectors=2))
    facts = MetricFacts(
        at_ms=under_test.at_ms,
        head=Head(seq=under_test.state.seq, digest=bytes(32)),
        log_bytes=1,
        archive_bytes=1,
        free_bytes=1,
        oldest_utc_ms=None,
        dropped=0,
        healthy=True,
        resident_bytes=1,
        cpu_seconds=1,
        refused_reads=(0,),
    )
    text = metrics_text(under_test.state, facts)
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, flags=re.MULTILINE))
    labels: dict[str, dict[str, set[str]]] = {name: defaultdict(set) for name in types}
    for name, inside in re.findall(r"^(\w+)\{(.*)\} ", text, flags=re.MULTILINE):
        for label, value in re.findall(r'(\w+)="([^"]*)"', inside):
            labels[name][label].add(value)
    return types, labels


TYPES, LABELS = exposed()


def queries() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each panel's title and target."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target


def parts(node: Any) -> Iterator[Any]:
    """An expression and all within it."""
    yield node
    match node:
        case promql.Call():
            for inner in node.args:
                yield from parts(inner)
        case promql.BinaryExpr():
            yield from parts(node.lhs)
            yield from parts(node.rhs)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr():
            yield from parts(node.expr)
        case promql.MatrixSelector():
            yield from parts(node.vector_selector)
        case _:
            assert isinstance(node, promql.VectorSelector | promql.NumberLiteral), f"{type(node)}: teach this test"


def selectors(expression: str) -> list[Any]:
    return [node for node in parts(promql.parse(expression)) if isinstance(node, promql.VectorSelector)]


QUERIES = list(queries())


@pytest.mark.parametrize(("title", "target"), QUERIES, ids=[f"{title} {target['refId']}" for title, target in QUERIES])
def test_a_query_asks_for_what_the_station_exposes(title: str, target: dict[str, Any]) -> None:
    asked = selectors(target["expr"])
    assert asked, title
    for selector in asked:
        assert selector.name in TYPES, f"{title}: no metric {selector.name}"
        for matcher in selector.matchers.matchers:
            if matcher.name in ADDED_BY_PROMETHEUS:
                assert matcher.value == f"${matcher.name}"
            else:
                assert matcher.value in LABELS[selector.name][matcher.name], f"{title}: {matcher.name}={matcher.value}"
    known = ADDED_BY_PROMETHEUS.union(*(LABELS[selector.name] for selector in asked))
    legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    grouped = {
        label for group in re.findall(r"\bby \(([^)]*)\)", target["expr"]) for label in re.findall(r"\w+", group)
    }
    assert legend | grouped <= known, title


@pytest.mark.parametrize(("title", "target"), QUERIES, ids=[f"{title} {target['refId']}" for title, target in QUERIES])
def test_only_counters_are_read_as_rates(title: str, target: dict[str, Any]) -> None:
    for call in parts(promql.parse(target["expr"])):
        if isinstance(call, promql.Call) and call.func.name in OF_COUNTERS | OF_GAUGES:
            wanted = "counter" if call.func.name in OF_COUNTERS else "gauge"
            names = [
                node.name for inner in call.args for node in parts(inner) if isinstance(node, promql.VectorSelector)
            ]
            assert [name for name in names if TYPES[str(name)] != wanted] == [], title


def test_a_metric_that_nobody_has_would_be_found() -> None:
    (selector,) = selectors('sum(chargebox_contactors{status="Welded"})')
    assert selector.name not in TYPES


def test_panels_do_not_lie_upon_each_other_and_have_numbers_of_their_own() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))


def test_every_data_source_is_the_one_that_is_chosen() -> None:
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", *ADDED_BY_PROMETHEUS}
    sources = [target["datasource"]["uid"] for _, target in QUERIES]
    assert set(sources) == {"${datasource}"}
