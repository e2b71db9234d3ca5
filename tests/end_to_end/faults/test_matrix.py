"""No row of the matrix is without a test, and the page says what the table says."""

from __future__ import annotations

import ast

import pytest

from tests.end_to_end.faults.matrix import HERE, MATRIX, Row, page
from tests.support.processes import ROOT


def test_there_are_forty_rows() -> None:
    assert len(MATRIX) == 40


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.fault.replace(" ", "_"))
def test_a_row_is_held_by_tests_that_there_are(row: Row) -> None:
    assert row.held_by
    for test in row.held_by:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_page_is_made_from_the_table() -> None:
    assert (ROOT / HERE / "README.md").read_text(encoding="utf-8") == page(), "write page() to README.md"
